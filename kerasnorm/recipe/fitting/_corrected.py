"""What a recipe does after training."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnorm.data import check_unweighted
from kerasnorm.imbalance import (
    ClassCounts,
    adjust_logits,
    retrain_classifier,
    scale_temperature,
    tau_normalize,
    tune_thresholds,
    with_thresholds,
)
from kerasnorm.models import gives_logits
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.examples import Examples, FileExamples, SeveralLabels
from kerasnorm.recipe.fitting._parts import Parts
from kerasnorm.transfer.fine_tuning import compile_ready

TAKE_THE_PRIOR_OUT = ("adjust_logits", "tau_normalize", "retrain_classifier")
_BY_VALIDATION = ("tune_thresholds", "scale_temperature")


def _adjust(model: keras.Model, parts: Parts, classes: int, **settings: Any) -> keras.Model:
    counts = parts.train.kind.class_counts(parts.train, classes)
    return adjust_logits(model, counts, **settings)


def _normalize(model: keras.Model, parts: Parts, classes: int, tau: float = 1.0) -> keras.Model:
    return tau_normalize(model, tau)


def _retrain(model: keras.Model, parts: Parts, classes: int, **settings: Any) -> keras.Model:
    x, labels = parts.train.in_memory().data
    size = parts.train.batch_size
    return retrain_classifier(model, x, labels, batch_size=size, verbose=0, **settings)


def _tune(model: keras.Model, parts: Parts, classes: int) -> keras.Model:
    labels, outputs, weights = _outputs(model, parts.validation)
    if gives_logits(model):
        outputs = 0.5 + 0.5 * np.tanh(0.5 * outputs.astype(np.float64))
    measure = _f1 if isinstance(parts.train.kind, SeveralLabels) else _balanced_accuracy
    labels = labels.reshape(outputs.shape)

    def metric(y: np.ndarray, predicted: np.ndarray) -> float:
        return measure(y, predicted, weights)

    return with_thresholds(model, tune_thresholds(outputs, labels, metric))


def _scale(model: keras.Model, parts: Parts, classes: int) -> keras.Model:
    labels, outputs, weights = _outputs(model, parts.validation)
    return scale_temperature(model, outputs, labels, sample_weight=weights)


_CORRECTIONS: dict[str, Callable[..., keras.Model]] = {
    "adjust_logits": _adjust,
    "tau_normalize": _normalize,
    "retrain_classifier": _retrain,
    "tune_thresholds": _tune,
    "scale_temperature": _scale,
}


def check_correctable(recipe: Recipe, counts: ClassCounts, parts: Parts) -> None:
    """Refuses, before training, what cannot be corrected after it.

    Raises:
        ValueError: if a class without an example would be given infinite logits, examples that
            have to be in memory are in files, sample weights would not be used, or there is nothing
            to choose by.
    """
    train, correction = parts.train, recipe.correction
    if correction in _BY_VALIDATION and parts.validation is None:
        raise ValueError(
            f"correction={correction!r} chooses by the examples of `validation`, and there are "
            "none. Pass some, or choose another correction."
        )
    if correction == "retrain_classifier" and isinstance(train, FileExamples):
        raise ValueError(
            "correction='retrain_classifier' needs the examples in memory, arrays or a Dataset. "
            f"Received: {type(train.data).__name__}. Choose another correction."
        )
    of_pixels = correction == "adjust_logits" and counts.image_pixels is not None
    if correction == "retrain_classifier" or of_pixels:
        check_unweighted(train.data, "train", f"correction={correction!r}")
    if correction != "adjust_logits":
        return
    of_classes = train.kind.class_counts(train, len(counts.counts))
    numbers = of_classes.counts if isinstance(of_classes, ClassCounts) else of_classes
    absent = np.flatnonzero((numbers == 0).reshape(len(numbers), -1).any(axis=1))
    if len(absent):
        side = " with it, or none without it," if numbers.ndim == 2 else ""
        raise ValueError(
            "correction='adjust_logits' divides by the share of each class in training, and "
            f"there is no example{side} of class {', '.join(map(str, absent))}. Leave these "
            "classes out, or choose another correction."
        )


def corrected(model: keras.Model, recipe: Recipe, parts: Parts, classes: int) -> keras.Model:
    """Returns the model after the recipe's correction, compiled; the same one without any."""
    if recipe.correction is None:
        return model
    correct = _CORRECTIONS[recipe.correction]
    new = correct(model, parts, classes, **recipe.correction_settings)
    optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
    compile_ready(new, optimizer, loss=model.loss, jit_compile=model.jit_compile)
    return new


def _outputs(
    model: keras.Model, examples: Examples | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Returns labels, a model's outputs, and the weights of the examples, if any."""
    found = [] if examples is None else list(examples.outputs(model))
    labels, outputs, *weights = map(np.concatenate, zip(*found, strict=True))
    return labels, outputs, weights[0] if weights else None


def _f1(y: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None) -> float:
    weights = np.ones(len(y)) if weights is None else weights
    seen = weights @ (y + predicted)
    return float(2 * (weights @ (y * predicted)) / seen) if seen else 0.0


def _balanced_accuracy(y: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None) -> float:
    weights = np.ones(len(y)) if weights is None else weights
    right = weights * (y == predicted)
    recalls = [right[y == k].sum() / max(weights[y == k].sum(), 1e-12) for k in np.unique(y)]
    return float(np.mean(recalls))
