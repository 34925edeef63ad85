"""Some pixels of label maps, with what a base makes of each."""

from typing import Any, NamedTuple

import keras
import numpy as np

from kerasnorm.data import each_batch
from kerasnorm.models import predict_rows

PIXELS = 20_000  # enough for the head of a few hundred features


class PixelSample(NamedTuple):
    """Pixels, rare classes drawn more often.

    Attributes:
        features: (M, C).
        labels: (M,) ints.
        weights: (M,), how many pixels of its image each stands for, 1 on average.
    """

    features: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def sample_pixels(
    base: keras.Model,
    data: Any,
    count: int,
    ignore_class: int | None,
    seed: int,
    balanced: bool = False,
) -> PixelSample:
    """Returns about 20,000 pixels, as many of each class that an image has.

    Args:
        base: gives features (N, H', W', C) of the images.
        data: batches of images and label maps, as `read_batches` returns them.
        count: how many images there are.
        ignore_class: the label of pixels that are left out; None: none are.
        seed: of the choice.
        balanced: whether the classes of an image weigh the same, as those of contours do.
    """
    rng = np.random.default_rng(seed)
    each = max(1, PIXELS // count)
    found: list[tuple[np.ndarray, ...]] = []
    for x, y, *of_examples in each_batch(data):
        features = predict_rows(base, x).astype("float32")
        maps = y[..., 0] if y.ndim == 4 else y
        weights = of_examples[0].reshape(-1) if of_examples else np.ones(len(maps))
        for row, label_map in enumerate(maps):
            for chosen in _of_one(features[row], label_map, each, ignore_class, rng, balanced):
                found.append((*chosen[:2], chosen[2] * weights[row].astype("float32")))
    features, labels, weights = map(np.concatenate, zip(*found, strict=True))
    return PixelSample(features, labels, weights / weights.mean())


def _of_one(
    features: np.ndarray,
    label_map: np.ndarray,
    count: int,
    ignore_class: int | None,
    rng: np.random.Generator,
    balanced: bool,
) -> list[tuple[np.ndarray, ...]]:
    """Returns features, labels and weights of the pixels chosen of each class of one image."""
    there = [k for k in np.unique(label_map).tolist() if k != ignore_class]
    total = np.isin(label_map, there).sum()
    chosen = []
    for k in there:
        places = np.argwhere(label_map == k)
        some = rng.permutation(places)[: max(1, count // len(there))]
        stands_for = len(places) / len(some)
        if balanced:
            stands_for *= 1 - len(places) / total if len(there) > 1 else 0.5
        weight = np.full(len(some), stands_for, "float32")
        found = features_at(features, some, label_map.shape)
        chosen.append((found, np.full(len(some), k), weight))
    return chosen


def features_at(features: np.ndarray, places: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Returns the features (n, C) at places of a label map of that size, which may be larger."""
    rows, columns = (places * features.shape[:2] // size).T
    return features[rows, columns]
