"""What a rate per layer costs: a training step with it and without, in turn, in one run.

    python benchmarks/layerwise_rate.py [--rounds 30]

MobileNetV2 on 96×96 images, batches of 16, a multiplier for each of its layers. Times are in ms;
the ratio is that of `LayerwiseLearningRate` to the plain optimizer: median of all rounds.
"""

import argparse
import statistics
import time

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from kerasnorm.transfer import LayerwiseLearningRate, layer_decay

OPTIMIZERS = {
    "SGD": lambda: keras.optimizers.SGD(1e-3, momentum=0.9),
    "Adam": lambda: keras.optimizers.Adam(1e-4),
    "AdamW": lambda: keras.optimizers.AdamW(1e-4, global_clipnorm=1.0),
}
X = np.random.default_rng(0).normal(size=(16, 96, 96, 3)).astype("float32")
Y = np.zeros(16, "int32")


def step_of(make, layerwise, jit_compile):
    """Returns a function that trains on one batch."""
    model = keras.applications.MobileNetV2(weights=None, input_shape=X.shape[1:], classes=10)
    optimizer = make()
    if layerwise:
        optimizer = LayerwiseLearningRate(optimizer, layer_decay(model, 0.99))
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=jit_compile)
    return lambda: model.train_on_batch(X, Y)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    table = Table("optimizer", "mode", "plain", "by layer", "ratio")
    for name, make in OPTIMIZERS.items():
        for jit_compile in (False, True):
            steps = [step_of(make, layerwise, jit_compile) for layerwise in (False, True)]
            times = [[], []]
            for _ in range(rounds + 2):
                for step, seconds in zip(steps, times, strict=True):
                    start = time.perf_counter()
                    step()
                    seconds.append(time.perf_counter() - start)
            plain, layered = (seconds[2:] for seconds in times)
            ratio = statistics.median(b / a for a, b in zip(plain, layered, strict=True))
            cells = (f"{1e3 * statistics.median(seconds):.1f}" for seconds in (plain, layered))
            table.add_row(name, "XLA" if jit_compile else "graph", *cells, f"{ratio:.3f}")
            keras.utils.clear_session()
    Console().print(table)


if __name__ == "__main__":
    main()
