"""Pretrained networks without their top, from packages: EfficientNet-Lite0, 1 and 2 (ImageNet).

    python benchmarks/real/networks.py logits     # logits of ten photographs, for torch_logits.py

`load(name, size)` returns a Keras model that takes pixels of 0 to 255 and ends in feature maps.
The family (Google, 2020): EfficientNet without squeeze-and-excitation and with ReLU6; batch
norm's ε is 1e-3, "same" padding, and the stem (32) and the head (1280) keep their width.
The weights were trained on (x − 127) / 128, which is a layer inside. With ImageNet's mean and
deviation, as in the example of torch's package, the network is less sure of real photographs
(largest probability 0.39 against 0.45 on `stamps`). Logits of ten photographs equal torch's to
8.3e-6, 7.2e-6 and 7.6e-6 (torch_logits.py).
"""

import argparse
import math
import re
from pathlib import Path

import checkpoint
import datasets
import keras
import numpy as np
import packages

RATIOS = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}  # width, depth
SIZES = {"lite0": 224, "lite1": 240, "lite2": 260}  # what they were trained at
NAMES = list(RATIOS)
STAGES = [  # repeats, kernel, stride, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
MEAN, DEVIATION = 127.0, 128.0
EPSILON = 1e-3


def load(name, size=None, top=False):
    """The network `name` with its weights, without its classifier unless `top`."""
    if name not in NAMES:
        raise ValueError(f"There is no network {name!r}. Choose from {', '.join(NAMES)}.")
    model = build(name, SIZES[name] if size is None else size, top)
    (file,) = packages.folder(name).glob("*/models/*.pth")
    fill(model, checkpoint.tensors(file))
    return model


def build(name, size, top=False):
    """The network without its weights."""
    width, depth = RATIOS[name]
    inputs = keras.Input((size, size, 3), name="images")
    x = keras.layers.Rescaling(1 / DEVIATION, -MEAN / DEVIATION, name="preprocess")(inputs)
    x = _normalized(_convolved(x, 32, 3, 2, "conv_stem"), "bn0", relu=True)
    block = 0
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(STAGES):
        # the first and the last stage are as deep in every network of the family
        fixed = stage in (0, len(STAGES) - 1)
        for repeat in range(repeats if fixed else math.ceil(repeats * depth)):
            stride_here = stride if repeat == 0 else 1
            x = _block(x, block, kernel, stride_here, expansion, _round(channels * width))
            block += 1
    x = _normalized(_convolved(x, 1280, 1, 1, "conv_head"), "bn1", relu=True)
    if top:
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
        x = keras.layers.Dense(1000, name="fc")(x)
    return keras.Model(inputs, x, name=f"efficientnet_{name}")


def fill(model, tensors):
    """Sets the weights of the layers from torch's tensors, by the layers' names."""
    for layer in model.layers:
        if not layer.weights:
            continue
        saved = re.sub(r"^_block(\d+)", r"_blocks.\1.", f"_{layer.name}")
        if isinstance(layer, keras.layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{saved}.{part}"] for part in parts])
        elif isinstance(layer, keras.layers.DepthwiseConv2D):
            layer.set_weights([tensors[f"{saved}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([tensors[f"{saved}.weight"].transpose(2, 3, 1, 0)])
        else:
            layer.set_weights([tensors[f"{saved}.weight"].T, tensors[f"{saved}.bias"]])


def _block(x, index, kernel, stride, expansion, channels):
    prefix, shortcut = f"block{index}", x
    if expansion > 1:
        x = _convolved(x, expansion * x.shape[-1], 1, 1, f"{prefix}_expand_conv")
        x = _normalized(x, f"{prefix}_bn0", relu=True)
    layer = keras.layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, name=f"{prefix}_depthwise_conv"
    )
    x = _normalized(layer(x), f"{prefix}_bn1", relu=True)
    x = _normalized(_convolved(x, channels, 1, 1, f"{prefix}_project_conv"), f"{prefix}_bn2")
    if stride == 1 and shortcut.shape[-1] == channels:
        x = keras.layers.Add(name=f"{prefix}_add")([x, shortcut])
    return x


def _convolved(x, channels, kernel, stride, name):
    layer = keras.layers.Conv2D(channels, kernel, stride, "same", use_bias=False, name=name)
    return layer(x)


def _normalized(x, name, relu=False):
    x = keras.layers.BatchNormalization(momentum=0.99, epsilon=EPSILON, name=name)(x)
    return keras.layers.ReLU(max_value=6, name=f"{name}_relu")(x) if relu else x


def _round(channels, divisor=8):
    """The nearest multiple of the divisor, but never less than nine tenths of the channels."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="where pixels and logits are written to")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        model, photographs = (
            load(name, top=True),
            datasets.load("gcompris", SIZES[name]).test.x[:10],
        )
        logits = model.predict(photographs.astype("float32"), verbose=0)
        pixels = (photographs.astype("float32") - MEAN) / DEVIATION
        np.savez(folder / f"{name}.npz", pixels=pixels, logits=logits)


if __name__ == "__main__":
    main()
