"""imbalanced-learn's over-sampling against kerasnorm: what helps, and what it costs.

    pip install imbalanced-learn
    python benchmarks/imbalanced_learn.py [--seeds 5] [--rounds 3] [--examples 20000]

"Accuracy": the long-tailed digits, network and steps of `long_tail.py`; images are vectors for
imbalanced-learn. SMOTE mixes each image with its nearest neighbour of the class, since the rarest
class has two. "Cost": from arrays to the first batch, a batch after that, and what the memory of a
process grows by at its peak, over libraries and arrays, in one epoch of as many batches as the data
have; the median of the rounds, each in a process of its own, in turn. Linux.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.tensorflow import balanced_batch_generator
from long_tail import BATCH, CLASSES, EPOCHS, balanced_accuracy, load, logits, network
from rich.console import Console
from rich.table import Table
from sampling import DATA, long_tailed
from sampling_memory import memory

from kerasnorm import imbalance as ki


def over_sampled(x: np.ndarray, y: np.ndarray, sampler) -> tuple[np.ndarray, np.ndarray]:
    """Returns arrays in which all classes are as frequent as the most frequent one."""
    flat, y = sampler.fit_resample(x.reshape(len(x), -1), y)
    return flat.reshape(-1, *x.shape[1:]), y


METHODS: dict[str, Callable] = {
    "plain": lambda x, y, seed: (x, y),
    "imbalanced-learn: RandomOverSampler": lambda x, y, seed: over_sampled(
        x, y, RandomOverSampler(random_state=seed)
    ),
    "imbalanced-learn: SMOTE": lambda x, y, seed: over_sampled(
        x, y, SMOTE(k_neighbors=1, random_state=seed)
    ),
    "kerasnorm: resample": lambda x, y, seed: ki.resample((x, y), batch_size=BATCH, seed=seed),
    "kerasnorm: BalancedSoftmax": lambda x, y, seed: (x, y),
}


def learn(name: str, seed: int) -> float:
    """Returns the balanced accuracy in % on the test part, after the same steps by any method."""
    data = load(seed)
    keras.utils.set_random_seed(seed)
    steps = EPOCHS * -(-len(data.train[1]) // BATCH)
    dataset = METHODS[name](*data.train, seed)
    if isinstance(dataset, tuple):
        size = len(dataset[1])
        dataset = tf.data.Dataset.from_tensor_slices(dataset).shuffle(size, seed=seed).batch(BATCH)
    model = network(keras.layers.Dense(CLASSES))
    loss = ki.SparseFocalCrossentropy(gamma=0)
    if "Softmax" in name:
        loss = ki.BalancedSoftmax(data.counts)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(dataset.repeat().take(steps), verbose=0)
    return 100 * balanced_accuracy(logits(model, data.test), data.test)


def gathered(x: np.ndarray, y: np.ndarray) -> Iterable:
    """Yields batches in random order, as `fit` makes them of arrays."""
    for rows in np.array_split(np.random.permutation(len(y)), len(y) // BATCH):
        yield x[rows], y[rows]


SAMPLERS: dict[str, Callable[[np.ndarray, np.ndarray], Iterable]] = {
    "imbalanced-learn: RandomOverSampler": lambda x, y: gathered(
        *over_sampled(x, y, RandomOverSampler())
    ),
    "imbalanced-learn: balanced_batch_generator": lambda x, y: balanced_batch_generator(
        x.reshape(len(x), -1), y, sampler=RandomOverSampler(), batch_size=BATCH
    )[0],
    "kerasnorm: resample": lambda x, y: ki.resample((x, y), batch_size=BATCH),
    "kerasnorm: ResampledDataset": lambda x, y: (
        batch for batch in ki.ResampledDataset((x, y), batch_size=BATCH)
    ),
}


def cost(name: str, kind: str, examples: int) -> tuple[float, float, float]:
    """Returns seconds to the first batch, ms a batch, and MB at the peak."""
    x, y = DATA[kind](np.random.default_rng(1), examples), long_tailed(examples, CLASSES)
    tf.constant(0)  # TensorFlow's own beginning
    Path("/proc/self/clear_refs").write_text("5")  # the peak is from here on
    before, start = memory("VmRSS"), time.perf_counter()
    batches = iter(SAMPLERS[name](x, y))
    next(batches)
    first, count = time.perf_counter(), examples // BATCH - 1
    for _ in range(count):
        next(batches)
    after = time.perf_counter()
    return first - start, 1e3 * (after - first) / count, memory("VmHWM") - before


def accuracies(seeds: int) -> Table:
    table = Table("method", "balanced accuracy, %", "gain, %", title=f"Accuracy; {seeds} seeds")
    found = {name: np.array([learn(name, seed) for seed in range(seeds)]) for name in METHODS}
    for name, values in found.items():
        gains = values - found["plain"]
        error = gains.std(ddof=1) / np.sqrt(seeds)
        gain = "" if name == "plain" else f"{gains.mean():+.1f} ± {error:.1f}"
        table.add_row(name, f"{values.mean():.1f} ± {values.std(ddof=1):.1f}", gain)
    table.caption = "± deviation over seeds; of gains, seed by seed, the standard error"
    return table


def costs(rounds: int, examples: int) -> Table:
    columns = ("data", "MB", "sampler", "s to the first batch", "ms a batch", "MB at the peak")
    table = Table(*columns, title=f"Cost; {examples:,} examples, {CLASSES} classes, batch {BATCH}")
    for kind, make in DATA.items():
        size = make(np.random.default_rng(1), examples).nbytes / 1e6
        found: dict[str, list[list[float]]] = {name: [] for name in SAMPLERS}
        for _ in range(rounds):
            for name, values in found.items():
                command = [sys.executable, __file__, "--cost", name, kind]
                command += ["--examples", str(examples)]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    raise RuntimeError(done.stderr)
                values.append([float(value) for value in done.stdout.split()])
        for name, values in found.items():
            middle = [statistics.median(column) for column in zip(*values, strict=True)]
            first, batch, peak = middle
            table.add_row(kind, f"{size:.0f}", name, f"{first:.2f}", f"{batch:.2f}", f"{peak:.0f}")
    return table


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=20_000)
    parser.add_argument("--cost", nargs=2, help=argparse.SUPPRESS)  # one round, in a process
    options = parser.parse_args()
    if options.cost:
        print(*cost(*options.cost, options.examples))
    else:
        console = Console(width=120)
        console.print(accuracies(options.seeds))
        console.print(costs(options.rounds, options.examples))
