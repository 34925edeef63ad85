"""Forward and backward of our layers against Keras' own, interleaved in one run.

    python benchmarks/normalization.py [--rounds 15] [--dtype float32] [--modes graph xla eager]

Ratios are Keras' time over ours: above 1 we are faster. The floor is the time of `x * 2`.
"""

import argparse
import math
import statistics
import time

import keras
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from kerasnorm import normalization as kn

SHAPES = [(8, 56, 56, 64), (32, 14, 14, 256), (2, 128, 128, 256)]
PAIRS = {
    "group": (lambda: kn.GroupNormalization(32), lambda: keras.layers.GroupNormalization(32)),
    "instance": (kn.InstanceNormalization, lambda: keras.layers.GroupNormalization(-1)),
    "layer": (kn.LayerNormalization, keras.layers.LayerNormalization),
    "batch": (kn.BatchNormalization, keras.layers.BatchNormalization),
    "sync_batch": (
        kn.SyncBatchNormalization,
        lambda: keras.layers.BatchNormalization(synchronized=True),
    ),
}
MODES = {
    "graph": tf.function,
    "xla": lambda function: tf.function(function, jit_compile=True),
    "eager": lambda function: function,
}


def step_of(layer, x, mode):
    """Returns a function that runs forward and backward once."""
    layer.build(x.shape)
    upstream = tf.random.normal(x.shape, dtype=x.dtype)

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return tape.gradient(y, [x, *layer.trainable_weights_values], upstream)

    layer.trainable_weights_values = [weight.value for weight in layer.trainable_weights]
    compiled = MODES[mode](step)
    return lambda: compiled(x)[0].numpy()


def floor_of(x):
    """Returns a function that reads and writes as many bytes as `x` has."""
    double = tf.function(lambda: x * 2)
    return lambda: double().numpy()


def interleaved(functions, rounds):
    """Returns the seconds of each function, run in turn."""
    for function in functions:
        function()
        function()
    seconds = [[] for _ in functions]
    for _ in range(rounds):
        for function, times in zip(functions, seconds, strict=True):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--modes", nargs="+", default=["graph", "xla"], choices=MODES)
    parser.add_argument("--layers", nargs="+", default=[*PAIRS], choices=PAIRS)
    options = parser.parse_args()
    table = Table("layer", "mode", "shape", "ours ms", "Keras ms", "floor ms", "ratio", "median")
    for name in options.layers:
        for mode in options.modes:
            ratios = []
            for shape in SHAPES:
                x = tf.random.normal(shape, dtype=options.dtype)
                layers = [make() for make in PAIRS[name]]
                functions = [step_of(layer, x, mode) for layer in layers]
                times = interleaved([*functions, floor_of(x)], options.rounds)
                ours, theirs, floor = (1e3 * min(part) for part in times)
                ratios.append(theirs / ours)
                median = statistics.median(b / a for a, b in zip(times[0], times[1], strict=True))
                cells = (f"{n:.2f}" for n in (ours, theirs, floor, ratios[-1], median))
                table.add_row(name, mode, "×".join(map(str, shape)), *cells)
            mean = math.prod(ratios) ** (1 / len(ratios))
            table.add_row(name, mode, "geometric mean", "", "", "", f"{mean:.2f}", "")
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
