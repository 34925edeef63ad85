"""Class-balanced batches: throughput against a plain shuffled pipeline, as ratios.

Every pipeline begins with the same arrays and yields batches of 32. "shuffle" is
`from_tensor_slices(...).shuffle(N).batch(32)`; "shuffled indices" shuffles the numbers of the
examples and gathers whole batches of them, the quickest plain pipeline that we know.

Run: python benchmarks/sampling.py [examples [rounds]]
"""

import functools
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from kerasnorm.imbalance import resample

BATCH, RATIO = 32, 100
SLOW = ("rejection_resample", "sample_from_datasets")
SECONDS = 1.0
DATA = {
    "16 floats": lambda rng, n: rng.normal(size=(n, 16)).astype("float32"),
    "32x32x3 uint8": lambda rng, n: rng.integers(0, 256, (n, 32, 32, 3), "uint8"),
}


def long_tailed(examples: int, classes: int) -> np.ndarray:
    shares = float(RATIO) ** (-np.arange(classes) / (classes - 1))
    return np.random.default_rng(0).choice(classes, examples, p=shares / shares.sum())


def pipelines(x: np.ndarray, y: np.ndarray, classes: int) -> dict[str, tf.data.Dataset]:
    size = len(y)
    with tf.device("CPU:0"):
        tensors = tf.constant(x), tf.constant(y)
    plain = tf.data.Dataset.from_tensor_slices(tensors).shuffle(size, seed=0)
    indices = tf.data.Dataset.range(size).shuffle(size, seed=0).batch(BATCH)
    by_class = [
        tf.data.Dataset.from_tensor_slices((x[y == c], y[y == c])).shuffle(1000).repeat()
        for c in np.unique(y)
    ]
    return {
        "shuffle": plain.batch(BATCH),
        "shuffled indices": indices.map(
            lambda i: tuple(tf.gather(each, i) for each in tensors), tf.data.AUTOTUNE
        ),
        "resample": resample((x, y), batch_size=BATCH),
        "sample_from_datasets": tf.data.Dataset.sample_from_datasets(by_class).batch(BATCH),
        "rejection_resample": plain.repeat()
        .rejection_resample(lambda x, y: tf.cast(y, tf.int32), np.full(classes, 1 / classes))
        .batch(BATCH),
    }


def quick_batch(dataset: tf.data.Dataset) -> float:
    """Seconds a batch of a whole epoch with its beginning, counted in C++."""
    start = time.perf_counter()
    batches = int(dataset.reduce(np.int64(0), lambda count, _: count + 1))
    return (time.perf_counter() - start) / batches


def slow_batch(dataset: tf.data.Dataset) -> float:
    """Seconds a batch, from about one second after the first batch."""
    iterator = iter(dataset)
    next(iterator)
    start, seen = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        next(iterator)
        seen += 1
    return (time.perf_counter() - start) / seen


def interleaved(measures: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Times every pipeline once a round, so that a busy machine is busy for all of them."""
    times: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            times[name].append(measure())
    return times


def main(examples: int, rounds: int) -> None:
    print(f"{examples} examples, ratio {RATIO}, batch {BATCH}, {rounds} rounds, interleaved")
    print(f"{'':<45} {'ms a batch':>10}  {'throughput against':^30}")
    print(f"{'data':<14} {'classes':>8}  {'pipeline':<20} {'min':>10}  ", end="")
    print(f"{'shuffle: min':>12} {'median':>8} {'indices: min':>13}")
    for kind, make in DATA.items():
        x = make(np.random.default_rng(1), examples)
        for classes in (10, 100, 1000):
            datasets = pipelines(x, long_tailed(examples, classes), classes)
            measures = {
                name: functools.partial(slow_batch if name in SLOW else quick_batch, each)
                for name, each in datasets.items()
            }
            times = interleaved(measures, rounds)
            plain, quick = times["shuffle"], times["shuffled indices"]
            for name, each in times.items():
                ratios = [
                    min(plain) / min(each),
                    statistics.median(plain) / statistics.median(each),
                    min(quick) / min(each),
                ]
                print(f"{kind:<14} {classes:>8}  {name:<20} {1e3 * min(each):>10.3f}  ", end="")
                print(f"{ratios[0]:>12.4f} {ratios[1]:>8.4f} {ratios[2]:>13.4f}", flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in [*sys.argv[1:], 100_000, 5][:2]))
