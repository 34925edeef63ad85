"""A linear classifier on the features of a lower layer, as one Keras model."""

from typing import Any

import keras
import numpy as np

from kerasnorm.data import each_batch, input_batches, read_classes
from kerasnorm.models import find_dense_head, inputs_of, predict_rows
from kerasnorm.transfer.fine_tuning._optimizing import compile_ready
from kerasnorm.transfer.probing import cut, depths, probe_layers

_FOLDS = 5
_PREFIXES = {"train": "", "validation": "val_"}  # of names in a history


def svm_model(
    model: keras.Model, data: tuple[Any, Any], estimator: str, seed: int
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Returns a model cut at the layer below its head that is best for the classes, with an SVM.

    The outputs are the classifier's scores, one a class, as a Dense layer gives them: scaler and
    estimator become its kernel and bias.

    Args:
        model: built functional or Sequential classifier, whose layers the new model shares.
        data: (train, validation), as `read_batches` returns them; validation may be None.
        estimator: as in `probe_layers`.
        seed: of the folds and the estimator.

    Returns:
        The compiled model, and its accuracies as a history of one epoch.

    Raises:
        ValueError: if a class has fewer than two examples.
    """
    head = find_dense_head(model)
    top = model.layers[model.layers.index(head) :]
    below = [leaf.path for leaf in depths(model, None) if leaf.nodes[1] not in top]
    classes = max(head.units, 2)
    examples = {
        name: _whole(name, each)
        for name, each in zip(("train", "validation"), data, strict=True)
        if each is not None
    }
    x, y = examples["train"]
    counts = np.bincount(y, minlength=classes)
    if counts.min() < 2:
        raise ValueError(
            "Where to cut is chosen by cross-validation, so each class should have two examples "
            f"or more. Received: {counts.min()} of class {counts.argmin()}."
        )
    folds = min(_FOLDS, int(counts.min()))
    table = probe_layers(model, x, y, estimator, below, folds, seed)
    (leaf,) = depths(model, [table.best])
    new = _with_scores(cut(model, leaf), table.estimator, classes, model.name, head.name)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    compile_ready(new, keras.optimizers.Adam(), loss=loss, metrics=["accuracy"])
    history = {
        f"{_PREFIXES[name]}accuracy": [_accuracy(new, *each)] for name, each in examples.items()
    }
    return new, history


def _accuracy(model: keras.Model, x: Any, y: np.ndarray) -> float:
    """Returns the accuracy of scores, in the scope of a strategy too, where `evaluate` may fail."""
    scores = [predict_rows(model, inputs) for inputs in input_batches(model, x, None)]
    return float(np.mean(np.concatenate(scores).argmax(axis=-1) == y))


def _whole(name: str, data: Any) -> tuple[Any, np.ndarray]:
    """Returns all examples and their classes as ints (N,)."""
    batches = list(each_batch(data))
    x, y = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
    return x, read_classes(y, name)


def _with_scores(
    base: keras.Model, pipeline: Any, classes: int, name: str, head_name: str
) -> keras.Model:
    """Returns the base below a Dense layer that computes the pipeline's scores."""
    scaler, linear = (step for _, step in pipeline.steps)
    kernel = linear.coef_ / scaler.scale_
    bias = linear.intercept_ - kernel @ scaler.mean_
    if classes == 2:  # one score, of the second class
        kernel, bias = np.concatenate([-kernel, kernel]) / 2, np.concatenate([-bias, bias]) / 2
    head = keras.layers.Dense(classes, name=head_name, dtype="float32")
    new = keras.Model(inputs_of(base), head(base.output), name=name)
    head.set_weights([kernel.T, bias])
    return new
