"""Largest error against float64 of normalized float32 input, ours and Keras'."""

import keras
import numpy as np

from kerasnorm import normalization as kn

PAIRS = {
    "BatchNormalization": (kn.BatchNormalization, keras.layers.BatchNormalization, (0, 1, 2)),
    "LayerNormalization": (kn.LayerNormalization, keras.layers.LayerNormalization, (3,)),
    "InstanceNormalization": (
        kn.InstanceNormalization,
        lambda: keras.layers.GroupNormalization(-1),
        (1, 2),
    ),
    "GroupNormalization(1)": (
        lambda: kn.GroupNormalization(1),
        lambda: keras.layers.GroupNormalization(1),
        (1, 2, 3),
    ),
}


def main():
    random = np.random.default_rng(0)
    print("| layer | mean | kerasnorm | Keras |\n|---|---|---|---|")
    for name, (ours, theirs, axes) in PAIRS.items():
        for mean in (0, 100, 1e3, 1e4):
            x = (random.normal(size=(4, 14, 14, 64)) + mean).astype("float32")
            exact = x.astype("float64")
            exact = exact - exact.mean(axes, keepdims=True)
            exact /= np.sqrt((exact**2).mean(axes, keepdims=True) + 1e-3)
            errors = (
                np.abs(keras.ops.convert_to_numpy(make()(x, training=True)) - exact).max()
                for make in (ours, theirs)
            )
            print(f"| {name} | {mean:g} |", " | ".join(f"{error:.1e}" for error in errors), "|")


if __name__ == "__main__":
    main()
