"""Head training on kept features against features made anew, in turn, in one run.

    python benchmarks/feature_cache.py [--rounds 3] [--examples 512] [--model MobileNetV2]

`fine_tune(strategy="freeze")` of a keras.applications model on 96×96 images, batches of 32, without
XLA. Both ways start with the same work (copying the model, tracing), so the time of an epoch is
that of the second half of the epochs. Times are in s, the median of all rounds.
"""

import argparse
import statistics
import time

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from kerasnorm.transfer import fine_tune

EPOCHS = 4


class Clock(keras.callbacks.Callback):
    """Notes when epochs end."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(time.perf_counter())


def measure(model, data, cache):
    """Returns the seconds to the end of the first epoch, and those of one of the last epochs."""
    clock, start = Clock(), time.perf_counter()
    fine_tune(
        model,
        data,
        strategy="freeze",
        classes=10,
        head_epochs=EPOCHS,
        epochs=0,
        cache=cache,
        callbacks=[clock],
        jit_compile=False,
        verbose=0,
    )
    half = EPOCHS // 2
    return clock.ends[0] - start, (clock.ends[-1] - clock.ends[half - 1]) / (EPOCHS - half)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=512)
    parser.add_argument("--model", default="MobileNetV2")
    options = parser.parse_args()
    make = getattr(keras.applications, options.model)
    model = make(weights=None, input_shape=(96, 96, 3), classes=10)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(options.examples, 96, 96, 3)).astype("float32")
    data = images, rng.integers(0, 10, options.examples)
    seconds = {cache: [] for cache in (True, False)}
    for _ in range(options.rounds):
        for cache, measured in seconds.items():
            measured.append(measure(model, data, cache))
    table = Table("features", "to the end of the 1st epoch", "an epoch", "epochs/s", "×")
    slow = statistics.median(epoch for _, epoch in seconds[False])
    for cache, measured in seconds.items():
        first, epoch = (statistics.median(part) for part in zip(*measured, strict=True))
        name = "kept" if cache else "made anew"
        cells = (f"{first:.2f}", f"{epoch:.3f}", f"{1 / epoch:.2f}", f"{slow / epoch:.1f}")
        table.add_row(name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
