"""Largest error against float64 of normalized float32 input: ours, Keras', torch's.

    python benchmarks/accuracy.py

torch's columns are there where torch is: `.venv-backends/bin/python`, after `make test-backends`.
"""

import importlib.util

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
TORCH = importlib.util.find_spec("torch") is not None


def torch_outputs(name, x):
    """Returns what torch makes of NHWC input in its two memory formats, as NHWC."""
    import torch
    from torch.nn import functional

    make = {
        "BatchNormalization": lambda x: functional.batch_norm(
            x, None, None, training=True, eps=1e-3
        ),
        "LayerNormalization": lambda x: functional.layer_norm(
            x.permute(0, 2, 3, 1), x.shape[1:2], eps=1e-3
        ).permute(0, 3, 1, 2),
        "InstanceNormalization": lambda x: functional.instance_norm(x, eps=1e-3),
        "GroupNormalization(1)": lambda x: functional.group_norm(x, 1, eps=1e-3),
    }[name]
    last = torch.tensor(x).permute(0, 3, 1, 2)
    return [make(each).permute(0, 2, 3, 1).numpy() for each in (last.contiguous(), last)]


def main():
    random = np.random.default_rng(0)
    names = ["kerasnorm", "Keras", *["torch, channels first", "torch, channels last"] * TORCH]
    print("| layer | mean |", " | ".join(names), "|\n|---|---|" + "---|" * len(names))
    for name, (ours, theirs, axes) in PAIRS.items():
        for mean in (0, 100, 1e3, 1e4):
            x = (random.normal(size=(4, 14, 14, 64)) + mean).astype("float32")
            exact = x.astype("float64")
            exact = exact - exact.mean(axes, keepdims=True)
            exact /= np.sqrt((exact**2).mean(axes, keepdims=True) + 1e-3)
            outputs = [
                keras.ops.convert_to_numpy(make()(x, training=True)) for make in (ours, theirs)
            ]
            outputs += torch_outputs(name, x) if TORCH else []
            errors = (f"{np.abs(y - exact).max():.1e}" for y in outputs)
            print(f"| {name} | {mean:g} |", " | ".join(errors), "|")


if __name__ == "__main__":
    main()
