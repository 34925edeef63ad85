"""The embedded task: scikit-learn's digits, made harder and long-tailed.

The 8×8 digits are put at random places on striped, noisy 20×20 images. The source task has classes
0–4 in equal shares; the target has classes 5–9 with 600 images of the first and 20 of the last.
"""

from typing import NamedTuple

import numpy as np

SIZE = 20
COUNTS = (600, 256, 110, 47, 20)  # images a class: a geometric tail of ratio 30
HELD_OUT = 30  # digits a class for validation, and as many for the test
PLACEMENTS = 3  # images made of every other digit

Split = tuple[np.ndarray, np.ndarray]


class Digits(NamedTuple):
    """The four data sets, each (uint8 images of shape (N, 20, 20, 1), int labels of shape (N,))."""

    source: Split
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...] = ("5", "6", "7", "8", "9")


def load_digits(seed: int = 0) -> Digits:
    """Returns the source task and the long-tailed target task.

    Which digits are held out for validation and test never depends on `seed`; it draws the
    long-tailed training set and every image's background. No digit is in two of the sets.

    >>> digits = load_digits(seed=1)
    >>> np.bincount(digits.train[1]).tolist()
    [600, 256, 110, 47, 20]
    """
    from sklearn import datasets

    data = datasets.load_digits()
    images, labels = data.images / 16.0, data.target
    rng = np.random.default_rng(seed)
    parts = [_parts(np.flatnonzero(labels == 5 + k), count, rng) for k, count in enumerate(COUNTS)]
    train, validation, test = (np.concatenate(part) for part in zip(*parts, strict=True))

    def task(index: np.ndarray, first: int) -> Split:
        return place(images[index], rng), labels[index] - first

    return Digits(
        source=task(np.repeat(np.flatnonzero(labels < 5), PLACEMENTS), first=0),
        train=task(train, first=5),
        validation=task(np.repeat(validation, PLACEMENTS), first=5),
        test=task(np.repeat(test, PLACEMENTS), first=5),
    )


def place(digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns uint8 images (N, 20, 20, 1): each 8×8 digit in [0, 1] somewhere on a texture."""
    count, side = len(digits), digits.shape[1]
    images = _textures(count, rng)
    top, left = rng.integers(0, SIZE - side + 1, (2, count))
    rows = top[:, None, None] + np.arange(side)[None, :, None]
    columns = left[:, None, None] + np.arange(side)[None, None, :]
    where = np.arange(count)[:, None, None], rows, columns
    ink = rng.uniform(0.7, 1.0, (count, 1, 1))
    images[where] = images[where] * (1 - digits) + ink * digits
    return np.round(255 * images.clip(0, 1)).astype("uint8")[..., None]


def _parts(
    members: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Splits one class: `count` drawn for training, in turn; validation and test are fixed.

    In the file neighbours are more alike than others, as if by the same hand. Shuffled, validation
    and test are alike, so that what is chosen on one holds on the other.
    """
    members = np.random.default_rng(0).permutation(members)
    validation, test, rest = np.split(members, [HELD_OUT, 2 * HELD_OUT])
    return np.resize(rng.permutation(rest), count), validation, test


def _textures(count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns images in [0, 1]: stripes of any direction, width and phase, and noise."""
    y, x = np.mgrid[:SIZE, :SIZE]
    angle, phase = rng.uniform(0, 2 * np.pi, (2, count, 1, 1))
    frequency = rng.uniform(0.05, 0.25, (count, 1, 1))
    wave = np.sin(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    return 0.3 + 0.15 * wave + rng.normal(0, 0.05, (count, SIZE, SIZE))
