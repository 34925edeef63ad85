"""Measures how well the features at each depth of a model separate the classes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasnorm._table import aligned
from kerasnorm._validation import as_int
from kerasnorm.data import count_examples, encode_labels
from kerasnorm.transfer._raw_images import on_raw_images
from kerasnorm.transfer.probing._cut import cut
from kerasnorm.transfer.probing._depths import depths
from kerasnorm.transfer.probing._estimators import make_estimator
from kerasnorm.transfer.probing._feature_classifier import FeatureClassifier
from kerasnorm.transfer.probing._pooled import pooled_features


@dataclass(frozen=True)
class ProbeTable:
    """Table with one row per probed layer, in order of computation, for `print`.

    Attributes:
        rows: Dicts with `layer` (its path), `features` (how many it has), `accuracy` (mean over
            the folds) and `deviation` (of the folds' accuracies).
        best: The path of the layer with the highest accuracy, the first of equal ones.
        estimator: Scikit-learn pipeline of scaler and estimator, fitted on all examples at the
            best layer.
        model: The model that was probed.

    Example:

    >>> low = {"layer": "low", "features": 8, "accuracy": 0.9, "deviation": 0.02}
    >>> high = {"layer": "high", "features": 16, "accuracy": 0.7, "deviation": 0.1}
    >>> print(ProbeTable([low, high], best="low", estimator=None, model=None))
    layer  features  accuracy  deviation
    low           8     0.900      0.020  best
    high         16     0.700      0.100

    See also:
        `probe_layers`, which returns it; `FeatureClassifier`.
    """

    rows: list[dict[str, Any]]
    best: str
    estimator: Any
    model: keras.Model = field(repr=False)

    def __str__(self) -> str:
        lines = [("layer", "features", "accuracy", "deviation", "")]
        lines += [
            (
                row["layer"],
                f"{row['features']:,}",
                f"{row['accuracy']:.3f}",
                f"{row['deviation']:.3f}",
                "best" if row["layer"] == self.best else "",
            )
            for row in self.rows
        ]
        return aligned(lines, left=1)

    def classifier(self) -> FeatureClassifier:
        """Returns the model cut at the best layer, with the estimator on its features.

        Raises:
            ValueError: If the layer is inside a subclassed model, which has no graph to cut.
        """
        (leaf,) = depths(self.model, [self.best])
        return FeatureClassifier(cut(self.model, leaf), self.estimator)


def probe_layers(
    model: keras.Model,
    x: Any,
    y: Any,
    estimator: Any = "svm",
    layers: Iterable[str] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> ProbeTable:
    """Cross-validates a linear classifier on the features of each layer.

    Use it to decide where to cut a pretrained model for your task, especially for few examples that
    differ from the source, where lower layers are better. Features are the layer's output at
    inference; maps and sequences are pooled by their mean over positions. Scaling is fitted inside
    each fold. One pass over the examples serves all layers; only pooled features are kept.

    Args:
        model: Built keras.Model of any kind; it is unchanged. Layers of the models inside it are
            probed too; wrappers, recurrent and custom layers count as one layer.
        x: N examples: an array, or a dict or list of arrays, as the model takes them.
        y: `(N,)` labels: integers or strings.
        estimator: "svm" (linear), "logistic" (a solved head: see `kerasnorm.transfer.solve_head`),
            or a scikit-learn classifier. Defaults to "svm".
        layers: Names or paths of the layers to probe. Defaults to None, for all of them.
        folds: Number of folds, 2 or more, stratified by class.
            Defaults to 5.
        seed: Seed of the split and the estimator. Defaults to 0.

    Returns:
        A `ProbeTable`.

    Raises:
        ValueError: If a layer is not there, the lengths differ, there is one class only, a class
            has fewer examples than folds, or the estimator is none.

    Example:

    >>> names = ("low", "high")
    >>> hidden = [keras.layers.Conv2D(4, 3, name=name) for name in names]
    >>> model = keras.Sequential([keras.Input((8, 8, 1)), *hidden])
    >>> x = np.repeat([0.0, 1.0], 10)[:, None, None, None] * np.ones((20, 8, 8, 1))
    >>> print(probe_layers(model, x, ["dark"] * 10 + ["light"] * 10))
    layer  features  accuracy  deviation
    low           4     1.000      0.000  best
    high          4     1.000      0.000
    >>> classifier = probe_layers(model, x, ["dark"] * 10 + ["light"] * 10).classifier()
    >>> classifier.predict(x[[0, 19]]).tolist()
    ['dark', 'light']

    See also:
        `FeatureClassifier`; `solve_head`; `rule_of_thumb`.

    Reference:
        Alain and Bengio, 2016, Understanding intermediate layers using linear classifier probes,
        https://arxiv.org/abs/1610.01644
    """
    folds, seed = as_int("folds", folds, low=2), as_int("seed", seed, low=0)
    pipeline = make_estimator(estimator, seed)
    model = on_raw_images(model)
    found = depths(model, layers)
    x = list(x) if isinstance(x, tuple) else x
    labels = _check(x, y, folds)
    features = pooled_features(model, found, x)
    if layers is not None and len(features) < len(found):
        never = next(leaf.path for leaf in found if leaf.path not in features)
        raise ValueError(f"The model never calls its layer '{never}' at inference.")
    rows = [_row(path, values, labels, pipeline, folds, seed) for path, values in features.items()]
    best = max(rows, key=lambda row: row["accuracy"])["layer"]
    return ProbeTable(rows, best, pipeline.fit(features[best], labels), model)


def _check(x: Any, y: Any, folds: int) -> np.ndarray:
    """Returns the labels as an array, one for each example, enough of each class."""
    classes, codes = encode_labels("y", y, count_examples(x))
    counts = np.bincount(codes)
    if len(classes) < 2:
        raise ValueError(f"`y` should have at least two classes. Received: {classes.tolist()}.")
    if counts.min() < folds:
        few = classes[counts.argmin()]
        raise ValueError(
            f"Each class should have an example for each of the {folds} folds. Received: "
            f"{counts.min()} of class {few.item()!r}. Give more examples, or fewer folds."
        )
    return classes[codes]


def _row(
    path: str, features: np.ndarray, labels: np.ndarray, pipeline: Any, folds: int, seed: int
) -> dict[str, Any]:
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    if not np.isfinite(features).all():
        raise ValueError(
            f"The features of layer '{path}' are not finite. Look for NaN or infinity in `x` "
            "and in the weights."
        )
    split = StratifiedKFold(folds, shuffle=True, random_state=seed)
    scores = cross_val_score(pipeline, features, labels, cv=split, error_score="raise")
    return {
        "layer": path,
        "features": features.shape[1],
        "accuracy": float(scores.mean()),
        "deviation": float(scores.std()),
    }
