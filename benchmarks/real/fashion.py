"""Draws unequal and small trainings from Fashion-MNIST (28 × 28 pixels, grey; not photographs).

Its 60,000 + 10,000 pictures are product photographs scaled down to 28 pixels and inverted, so
they test a case that a network pretrained on photographs was not made for. Each seed draws other
pictures and, for the long tail, another order of the classes; the test is always balanced.
"""

import gzip

import numpy as np
import packages

NAMES = ["T-shirt", "trouser", "pullover", "dress", "coat"]
NAMES += ["sandal", "shirt", "sneaker", "bag", "ankle boot"]
LARGEST, SMALLEST = 200, 4  # pictures of the largest and smallest class to train on
SHOTS = 10
TESTED = 60  # pictures of each class to test with


def long_tail(seed):
    """Pictures and labels of three parts, whose classes shrink geometrically, 200 to 4."""
    ratios = np.linspace(0, 1, len(NAMES))
    counts = LARGEST * (SMALLEST / LARGEST) ** ratios
    return _draw(seed, np.random.default_rng(seed).permutation(counts.round().astype(int)))


def few_shots(seed):
    """Pictures and labels of three parts, with ten pictures of each class to train on."""
    return _draw(seed, np.full(len(NAMES), SHOTS))


def _draw(seed, counts):
    generator = np.random.default_rng([seed, 1])
    images, labels = _read("train")
    chosen = [generator.permutation(np.flatnonzero(labels == k)) for k in range(len(NAMES))]
    held_out = np.maximum(counts // 5, 1)
    train = np.concatenate([c[:n] for c, n in zip(chosen, counts, strict=True)])
    validation = np.concatenate(
        [c[n : n + m] for c, n, m in zip(chosen, counts, held_out, strict=True)]
    )
    parts = [(images[i], labels[i]) for i in map(generator.permutation, (train, validation))]
    images, labels = _read("t10k")
    test = [generator.permutation(np.flatnonzero(labels == k))[:TESTED] for k in range(len(NAMES))]
    test = generator.permutation(np.concatenate(test))
    return [*parts, (images[test], labels[test])]


def _read(part):
    root = packages.folder("fashion") / "usr/share/datasets/fashion-mnist"
    images = gzip.decompress((root / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((root / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
    return pixels, np.frombuffer(labels, np.uint8, offset=8).astype("int64")
