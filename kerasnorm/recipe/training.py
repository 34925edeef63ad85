"""`fit`: a model trained by a recipe."""

import contextlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm._validation import as_int
from kerasnorm.imbalance import class_weights, count_classes
from kerasnorm.recipe.chapters import OPTIMIZERS
from kerasnorm.recipe.examples import Examples, Load, read_examples
from kerasnorm.recipe.freezing import set_trainable
from kerasnorm.recipe.held_out import HeldOut
from kerasnorm.recipe.normalizing import with_normalization
from kerasnorm.recipe.output import staged
from kerasnorm.recipe.recipe import Recipe
from kerasnorm.recipe.run import Run
from kerasnorm.surgery.copying import copy_model
from kerasnorm.surgery.heads import find_head, gives_logits, is_graph
from kerasnorm.transfer.head import put_new_head
from kerasnorm.transfer.reinitialising import reinitialise


def fit(
    recipe: Recipe,
    model: keras.Model,
    train: Any,
    validation: Any = None,
    epochs: int = 10,
    output: str | os.PathLike | None = None,
    verbose: str | int = "auto",
    *,
    batch_size: int = 32,
    seed: int | None = None,
    classes: int | Sequence[str] | None = None,
    load: Load | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    overwrite: bool = False,
) -> Run:
    """Trains a classifier by a recipe and evaluates it class by class.

    Use it to carry a model over to your own, unequally frequent classes. The model given stays as
    it is: a copy is trained, with a new head if the number of classes is another, and with the
    normalization that the recipe names in place of any other (`replace_normalization`).

    Args:
        recipe: what to do.
        model: built keras.Model that ends in a Dense layer, one output a class.
        train: (x, y) arrays, or a finite tf.data.Dataset of (x, y), single examples or batches.
            y are ints (N,) or one-hot rows (N, K). "resample" keeps a Dataset in memory.
        validation: as `train`: held-out examples for the curves and the evaluation. Nothing is
            chosen by them: the weights are those of the last epoch.
        epochs: passes over `train`, the head's own included. An epoch of resampled examples is as
            long as the data.
        output: folder to write model.keras, recipe.json, history.json and evaluation.json to, all
            or nothing.
        verbose: as in `Model.fit`.
        batch_size: examples a batch, where `train` has no batches of its own.
        seed: sets the global seeds of Python, NumPy and the backend, which decide the order of the
            examples and new weights.
        classes: how many classes there are, or their names; by default up to the largest label.
        load: turns a batch of x into what the model takes, inside tf.data: with the paths of files
            as x, for data that do not fit in memory.
        callbacks: further Keras callbacks; `logs` has what `Run.history` has.
        overwrite: whether `output` may exist.

    Returns:
        A `Run`: model, history, evaluation, recipe.

    Raises:
        ValueError: if the data, the model and the recipe do not fit one another.
        FileExistsError: if `output` exists and not `overwrite`.

    Example:

    >>> layers = [keras.layers.Dense(4), keras.layers.ReLU(), keras.layers.Dense(2)]
    >>> model = keras.Sequential([keras.Input((3,)), *layers])
    >>> x, y = np.random.default_rng(0).normal(size=(60, 3)), np.repeat([0, 1, 2], [40, 15, 5])
    >>> run = fit(Recipe(imbalance="class_weights"), model, (x, y), (x, y), epochs=1, verbose=0)
    >>> run.model.output_shape, run.evaluation.confusion.shape
    ((None, 3), (3, 3))
    """
    epochs, batch_size = as_int("epochs", epochs, low=1), as_int("batch_size", batch_size, low=1)
    _check_kinds(recipe, model, epochs)
    find_head(model)
    model = with_normalization(model, recipe)
    with contextlib.nullcontext() if output is None else staged(output, overwrite) as folder:
        if seed is not None:
            keras.utils.set_random_seed(as_int("seed", seed, low=0))
        rank = len(model.input_shape) if is_graph(model) else None
        examples = read_examples("train", train, rank, batch_size, load)
        held_out = None
        if validation is not None:
            held_out = read_examples("validation", validation, rank, batch_size, load)
        names = _class_names(classes, examples, held_out)
        run = _train(recipe, model, examples, held_out, names, epochs, verbose, callbacks)
        if folder is not None:
            run.save(folder)
    return run


def _train(
    recipe: Recipe,
    model: keras.Model,
    examples: Examples,
    held_out: Examples | None,
    names: tuple[str, ...],
    epochs: int,
    verbose: str | int,
    callbacks: Iterable[keras.callbacks.Callback],
) -> Run:
    counts = count_classes(examples.labels, num_classes=len(names)).counts
    arguments = _imbalance(recipe, examples, counts)
    model = _prepare(recipe, model, len(names))
    callbacks = list(callbacks)
    evaluate = None
    if held_out is not None:
        evaluate = HeldOut(held_out, names, counts, gives_logits(model))
        callbacks.insert(0, evaluate)
    history, start = defaultdict(list), 0
    for end, head_only in _phases(recipe, epochs):
        set_trainable(model, recipe, head_only)
        _compile(model, recipe)
        arguments.update(initial_epoch=start, epochs=end, verbose=verbose, callbacks=callbacks)
        for name, values in model.fit(**arguments).history.items():
            history[name] += map(float, values)
        start = end
    return Run(model, dict(history), evaluate and evaluate.evaluation, recipe)


def _prepare(recipe: Recipe, model: keras.Model, classes: int) -> keras.Model:
    """Returns the copy to train: with a head for the classes, new weights if from scratch."""
    model = copy_model(model)
    if find_head(model).units != classes:
        model = put_new_head(model, classes)
    return reinitialise(model) if recipe.transfer == "scratch" else model


def _imbalance(recipe: Recipe, examples: Examples, counts: np.ndarray) -> dict[str, Any]:
    """Returns the arguments of `Model.fit` that bring the examples."""
    if recipe.imbalance == "resample":
        return examples.resampled(**recipe.imbalance_settings)
    arguments = examples.for_fit()
    if recipe.imbalance == "class_weights":
        weights = class_weights(counts, **recipe.imbalance_settings)
        arguments["class_weight"] = dict(weights)
    return arguments


def _phases(recipe: Recipe, epochs: int) -> list[tuple[int, bool]]:
    """Returns (last epoch, whether only the head trains) of each phase."""
    head_epochs = recipe.transfer_settings.get("head_epochs", 0)
    return [(head_epochs, True), (epochs, False)] if head_epochs else [(epochs, False)]


def _compile(model: keras.Model, recipe: Recipe) -> None:
    model.compile(
        optimizer=OPTIMIZERS[recipe.optimizer](**recipe.optimizer_settings),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=gives_logits(model)),
        metrics=["accuracy"],
    )


def _class_names(
    classes: int | Sequence[str] | None, examples: Examples, held_out: Examples | None
) -> tuple[str, ...]:
    parts = [examples] if held_out is None else [examples, held_out]
    found = 1 + max(int(part.labels.max()) for part in parts)
    if classes is None or not hasattr(classes, "__len__"):
        count = found if classes is None else as_int("classes", classes, low=2)
        names = tuple(map(str, range(count)))
    else:
        names = tuple(map(str, classes))
    if found > len(names):
        raise ValueError(
            f"There are {len(names)} classes, 0 to {len(names) - 1}, and label {found - 1}."
        )
    if len(np.unique(examples.labels)) < 2:
        raise ValueError("`train` has examples of one class only: there is nothing to tell apart.")
    return names


def _check_kinds(recipe: Recipe, model: keras.Model, epochs: int) -> None:
    if not isinstance(recipe, Recipe):
        raise ValueError(f"`recipe` should be a Recipe. Received: {recipe!r}.")
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError(f"`model` should be a built keras.Model. Received: {model!r}.")
    if is_graph(model) and len(model.inputs) != 1:
        raise ValueError(f"`model` should have one input. Received: {len(model.inputs)}.")
    if recipe.transfer_settings.get("head_epochs", 0) >= epochs:
        raise ValueError(
            "`head_epochs` should leave epochs for the other layers. Received: "
            f"head_epochs={recipe.transfer_settings['head_epochs']}, epochs={epochs}."
        )
