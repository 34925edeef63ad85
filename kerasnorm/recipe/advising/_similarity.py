"""How much of a task the features of a model already tell."""

from typing import Any

import keras
import numpy as np

from kerasnorm._validation import require
from kerasnorm.recipe.examples import Examples
from kerasnorm.transfer.fine_tuning import HeadSplit, split_at_head
from kerasnorm.transfer.probing import make_estimator

PER_CLASS, FOLDS = 50, 5


def measure_similarity(model: keras.Model, examples: Examples, seed: int) -> tuple[float, str]:
    """Returns how well a model's features tell the classes apart, 0 to 1, and that in words.

    That is the balanced accuracy of a linear classifier on the features below the head, in
    cross-validation on a sample of up to 50 examples a class, from chance (0) to all (1).

    Raises:
        ValueError: if there are not two classes with two examples each, or the model has no graph.
        ImportError: if scikit-learn is missing.
    """
    require("sklearn")
    from sklearn.model_selection import StratifiedKFold

    split = split_below_head(model)
    rows = _sample(examples.classes, np.random.default_rng(seed))
    labels, features = map(np.concatenate, zip(*examples.outputs(split.base, rows), strict=True))
    folds = min(FOLDS, int(np.unique(labels, return_counts=True)[1].min()))
    cut = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return scored(split, features.reshape(len(rows), -1), labels, cut, None, seed, "examples")


def split_below_head(model: keras.Model) -> HeadSplit:
    """Returns the two parts of a model, or raises ValueError if it cannot be cut."""
    split = split_at_head(model)
    if split is None:
        raise ValueError(
            f"The features of '{model.name}' of class {type(model).__name__} cannot be taken out "
            "of it: it has no graph, or nothing below its head. Pass `similarity`, 0 to 1."
        )
    return split


def scored(
    split: HeadSplit,
    features: np.ndarray,
    labels: np.ndarray,
    cut: Any,
    groups: np.ndarray | None,
    seed: int,
    unit: str,
) -> tuple[float, str]:
    """Returns the similarity by features (M, C) and classes (M,) of a sample, and words for it."""
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import cross_val_predict

    estimator = make_estimator("logistic", seed)
    predicted = cross_val_predict(estimator, features, labels, groups=groups, cv=cut)
    recognised, chance = balanced_accuracy_score(labels, predicted), 1 / len(np.unique(labels))
    similarity = round(max(0.0, float((recognised - chance) / (1 - chance))), 2)
    return similarity, (
        f"Similarity: a linear classifier on the features below '{split.top.layers[-1].name}' "
        f"recognises {recognised:.0%} of each class on average, in {cut.n_splits} folds of "
        f"{len(labels)} {unit}; chance is {chance:.0%}. On a scale from chance to all that is "
        f"{similarity:.2f}."
    )


def _sample(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the rows of up to 50 examples of each class that has two or more."""
    classes, counts = np.unique(labels, return_counts=True)
    chosen = [
        rng.permutation(np.flatnonzero(labels == name))[:PER_CLASS]
        for name, count in zip(classes, counts, strict=True)
        if count > 1
    ]
    if len(chosen) < 2:
        raise ValueError(
            "Two classes with two examples each are needed to measure the similarity. Received: "
            f"{dict(zip(classes.tolist(), counts.tolist(), strict=True))}. Pass `similarity`."
        )
    return np.sort(np.concatenate(chosen))
