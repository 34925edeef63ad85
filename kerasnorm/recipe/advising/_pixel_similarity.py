"""How much of a task of pixels the features of a model already tell."""

from collections.abc import Iterator

import keras
import numpy as np

from kerasnorm._validation import require
from kerasnorm.backend.engine import resolve_jit
from kerasnorm.models import predict_rows
from kerasnorm.recipe.advising._similarity import FOLDS, PER_CLASS, on_a_scale, split_below_head
from kerasnorm.recipe.examples import Examples
from kerasnorm.transfer.fine_tuning import features_at
from kerasnorm.transfer.probing import make_estimator

_PER_MAP = 10  # pixels of a class in one label map: its neighbours are alike


def measure_pixel_similarity(
    model: keras.Model, examples: Examples, seed: int
) -> tuple[float, list[str]]:
    """Returns how well a model's features tell classes of pixels apart, as `measure_similarity`.

    The sample is of the first label maps that have the classes, up to 10 pixels of a class in each;
    the folds part label maps, not pixels.

    Raises:
        ValueError: If there are not two classes in two label maps each, or the model has no graph.
        ImportError: If scikit-learn is missing.
    """
    require("sklearn")
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    split = split_below_head(model)
    split.base.compile(jit_compile=resolve_jit("auto"))
    features, labels, maps = _pixels(examples, split.base, np.random.default_rng(seed))
    classes = np.unique(labels)
    of_class = {k: len(np.unique(maps[labels == k])) for k in classes.tolist()}
    used = np.isin(labels, [k for k, count in of_class.items() if count > 1])
    if len(np.unique(labels[used])) < 2:
        raise ValueError(
            "Two classes in two label maps each are needed to measure the similarity. Received: "
            f"{of_class} label maps by class. Pass `similarity`."
        )
    folds = min(FOLDS, min(count for count in of_class.values() if count > 1))
    cut = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    features, labels, estimator = features[used], labels[used], make_estimator("logistic", seed)
    predicted = cross_val_predict(estimator, features, labels, groups=maps[used], cv=cut)
    recognised, chance = balanced_accuracy_score(labels, predicted), 1 / len(np.unique(labels))
    head, of = split.top.layers[-1].name, f"{len(labels)} pixels"
    similarity, said = on_a_scale(recognised, chance, head, of, folds)
    return similarity, [said]


def _pixels(
    examples: Examples, base: keras.Model, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns features (M, C), classes (M,) and the number of the label map (M,) of pixels."""
    found: list[tuple[np.ndarray, int, int]] = []
    missing = dict.fromkeys(np.flatnonzero(examples.having).tolist(), PER_CLASS)
    first = 0
    for x, labels, *_ in examples.batches():
        chosen = [
            (row, k, places)
            for row, label_map in enumerate(labels)
            for k, places in _places(label_map, missing, rng)
        ]
        features = predict_rows(base, x) if chosen else None
        for row, k, places in chosen:
            places = places[: min(_PER_MAP, missing[k])]
            missing[k] -= len(places)
            found.append((features_at(features[row], places, labels.shape[1:]), k, first + row))
        first += len(labels)
        if not any(missing.values()):
            break
    lengths = [len(features) for features, _, _ in found]
    features, *rest = zip(*found, strict=True)
    labels, maps = (np.repeat(each, lengths) for each in rest)
    return np.concatenate(features), labels, maps


def _places(
    label_map: np.ndarray, missing: dict[int, int], rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields each class that is still missing, and where its pixels are, (n, 2) in random order."""
    for k in np.unique(label_map).tolist():
        if missing.get(k):
            yield k, rng.permutation(np.argwhere(label_map == k))
