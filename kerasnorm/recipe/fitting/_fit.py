"""Trains a model by a recipe."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm._files import staged
from kerasnorm._types import StrPath
from kerasnorm._validation import as_int, check_choice, require
from kerasnorm.backups import Backup, describe, opened
from kerasnorm.distribute import is_chief, read_cluster
from kerasnorm.imbalance import class_weights
from kerasnorm.models import classes_of, gives_logits, is_graph
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.advising import Advice
from kerasnorm.recipe.examples import Examples
from kerasnorm.recipe.fitting._checks import (
    check_parts,
    check_trainable,
    class_names_of,
    read_recipe,
    say_absent,
)
from kerasnorm.recipe.fitting._corrected import check_correctable, corrected
from kerasnorm.recipe.fitting._fine_tune_arguments import fine_tune_arguments
from kerasnorm.recipe.fitting._parts import Parts, read_parts
from kerasnorm.recipe.fitting._with_normalization import with_normalization
from kerasnorm.recipe.results import Evaluation, Run
from kerasnorm.transfer import fine_tune
from kerasnorm.transfer.fine_tuning import can_be_solved


def fit(
    recipe: Recipe | Advice,
    model: keras.Model,
    train: Any,
    validation: Any = None,
    epochs: int = 10,
    output: StrPath | None = None,
    verbose: str | int = "auto",
    *,
    test: Any = None,
    batch_size: int = 32,
    seed: int | None = None,
    classes: int | Sequence[str] | None = None,
    keep: str = "auto",
    augmentation: keras.Layer | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    tensorboard: StrPath | None = None,
    backup_dir: StrPath | Backup | None = None,
    prepare: Callable[[keras.Model], keras.Model] | None = None,
    overwrite: bool = False,
    ignore_class: int | None = None,
    jit_compile: bool | str = "auto",
) -> Run:
    """Trains a classifier of images or pixels by a recipe and evaluates it class by class.

    Use it to transfer a model to your own, possibly unequal classes. The given model is unchanged:
    a copy is trained, with a new head if the number of classes differs, and with the normalization
    of the recipe (`replace_normalization`). The training is that of `fine_tune`: while only the
    head trains, features are computed once.

    Args:
        recipe: A `Recipe`, or the result of `advise`.
        model: Built keras.Model that ends in a Dense layer with one output per class; or a
            backbone, which gets a head as in `replace_head`. For label maps one that ends in a
            convolution, (N, H, W, K), optionally followed by layers that resize the maps.
        train: (x, y) arrays; an `ImageFolder`, `ImageTable`, `SegmentationFolder` or `TFRecords`,
            which stay on disk; or a finite tf.data.Dataset of (x, y), single examples or batches. y
            are ints (N,), one-hot rows (N, K), or label maps of ints (N, H, W): their shape
            decides whether images or pixels are classified. "resample" keeps a Dataset in memory.
        validation: Held-out examples, as `train`, for the curves and the choice of the best epoch.
        epochs: Number of passes over `train`, including those of the head. An epoch of resampled
            examples is as long as the data. Defaults to 10.
        output: Folder for model.keras, recipe.json, history.json, evaluation.json and more, written
            completely or not at all. Defaults to None.
        verbose: As in `Model.fit`.
        test: Held-out examples, as `train`, for the evaluation; nothing is chosen by them. Defaults
            to None: `validation` is used, and results are slightly optimistic unless `keep="last"`.
        batch_size: Examples per batch, where `train` has no batches of its own. Defaults to 32.
        seed: Sets the global seeds of Python, NumPy and the backend, which decide the order of the
            examples and new weights. Defaults to None.
        classes: Number of classes, or their names. Defaults to None: up to the largest label.
        keep: Which weights are kept. "best": those of the epoch with the best
            `val_balanced_accuracy`, of label maps `val_mean_iou`, if there is `validation`; "last":
            those of the last epoch. "auto": where the head is solved, those of the last epoch that
            is as good as the best, within a standard error, and no worse than the solved head; else
            as "best". Defaults to "auto".
        augmentation: Layer, or Sequential of layers, that changes the examples at random; not for
            label maps, which would have to change with them. Defaults to None.
        callbacks: Further Keras callbacks, in all phases. `self.model` is a part of the model
            while only the head trains.
        tensorboard: Folder for TensorBoard logs. Defaults to None.
        backup_dir: Folder for a backup, which each epoch replaces. After an interruption the same
            call resumes from it, and a different one is refused, as in `fine_tune`. It is removed
            when `output` is complete, or when the `Run` is returned. Defaults to None.
        prepare: `kerasnorm.distribute.prepare`, to train on several devices or machines. On the
            latter each process returns the same; only the chief writes to `output` and
            `tensorboard`. Defaults to None.
        overwrite: Whether `output` may exist. Defaults to False.
        ignore_class: Label of pixels without a class, such as 255, which are excluded from losses,
            weights, counts and metrics. A `SegmentationFolder` has its own. Defaults to None.
        jit_compile: As in `kerasnorm.transfer.fine_tune`.

    Returns:
        A `Run`: model, history, evaluation, recipe.

    Raises:
        ValueError: If the data, the model and the recipe do not fit one another, or for
            `backup_dir` on several machines.
        FileExistsError: If `output` exists and not `overwrite`.
        InUseError: If another process trains with the same `output` or `backup_dir`; an OSError.

    Example:

    >>> layers = [keras.layers.Dense(4), keras.layers.ReLU(), keras.layers.Dense(2)]
    >>> model = keras.Sequential([keras.Input((3,)), *layers])
    >>> x, y = np.random.default_rng(0).normal(size=(60, 3)), np.repeat([0, 1, 2], [40, 15, 5])
    >>> run = fit(Recipe(loss="balanced_softmax"), model, (x, y), (x, y), epochs=1, verbose=0)
    >>> run.model.output_shape, run.evaluation.confusion.shape
    ((None, 3), (3, 3))

    See also:
        `advise`; `Run`; `kerasnorm.transfer.fine_tune`, which does the training;
        `kerasnorm.tuning.search`.
    """
    epochs, batch_size = as_int("epochs", epochs, low=1), as_int("batch_size", batch_size, low=1)
    check_choice("keep", keep, ("auto", "best", "last"))
    recipe, reasons = read_recipe(recipe)
    check_trainable(recipe, model, epochs)
    model = with_normalization(model, recipe)
    callbacks = list(callbacks)
    if backup_dir is not None and read_cluster() is not None:
        raise ValueError(
            "`backup_dir` is for one machine. On several, train a `distribute.DistributedModel` "
            "with `distribute.resume_callbacks`, or without backups."
        )
    output, tensorboard = (each if is_chief() else None for each in (output, tensorboard))
    if tensorboard is not None:
        require("tensorboard", extra="tuning")
        callbacks.append(keras.callbacks.TensorBoard(os.fspath(tensorboard)))
    writing = contextlib.nullcontext() if output is None else staged(output, overwrite)
    with opened(backup_dir) as backup, writing as folder:  # the backup goes when the output stands
        if seed is not None:
            seed = as_int("seed", seed, low=0)
        if backup is not None:
            seed = backup.seed(seed)
        if seed is not None:
            keras.utils.set_random_seed(seed)
        rank = len(model.input_shape) if is_graph(model) else None
        reading = {"rank": rank, "batch_size": batch_size, "ignore_class": ignore_class}
        parts = read_parts(train, validation, test, **reading)
        check_parts(recipe, parts)
        names = class_names_of(classes, parts)
        say_absent(parts, names)
        model = parts.train.kind.with_head(model, len(names))
        if backup is not None:
            backup.decided_by(**_fingerprint(recipe, parts, names, keep))
        settings = {
            "epochs": epochs,
            "verbose": verbose,
            "seed": seed,
            "augmentation": augmentation,
            "callbacks": callbacks,
            "backup_dir": backup,
            "prepare": prepare,
            "jit_compile": jit_compile,
        }
        run = _train(recipe, model, parts, names, keep, reasons, **settings)
        if folder is not None:
            run.save(folder)
    return run


def _fingerprint(recipe: Recipe, parts: Parts, names: Sequence[str], keep: str) -> dict[str, Any]:
    """Returns what decides a run beside what `fine_tune` sees of it, as JSON has it."""
    labels = {name: describe(np.asarray(part.classes)) for name, part in parts.given()}
    return {
        "recipe": json.loads(recipe.to_json()),
        "class_names": list(names),
        "keep": keep,
        "classes_of": labels,
    }


def _train(
    recipe: Recipe,
    model: keras.Model,
    parts: Parts,
    names: tuple[str, ...],
    keep: str,
    reasons: Sequence[str],
    epochs: int,
    **settings: Any,
) -> Run:
    train, validation = parts.train, parts.validation
    kind, counts = train.kind, train.counts(len(names))
    check_correctable(recipe, counts, train)
    for name, part in parts.given():
        kind.check_fit(name, part, model)
    order_seed = int(np.random.randint(2**31))  # so that the seed decides it
    order = None
    if recipe.imbalance == "resample":
        train = train.in_memory()
        drawing = {"num_classes": len(names), "seed": order_seed, **recipe.imbalance_settings}
        order = train.order(**drawing)
    steps = 0 if recipe.schedule is None else train.steps(order)  # a Dataset may have to be read
    loss = kind.loss(recipe, counts, gives_logits(model))
    solvable = can_be_solved(model, loss)
    arguments = fine_tune_arguments(recipe, epochs, steps, solvable)
    data, arguments["sampler"] = train.for_training(order, order_seed)
    if recipe.imbalance == "class_weights":
        arguments["class_weight"] = class_weights(counts, **recipe.imbalance_settings)
    elif solvable and recipe.correction is not None and train.classes.ndim == 1:
        # the correction takes the prior out itself
        arguments["class_weight"] = dict.fromkeys(range(len(names)), 1.0)
    if classes_of(model) != len(names):
        arguments["classes"] = len(names)
    if recipe.transfer != "svm":
        arguments["loss"] = loss
        arguments["metrics"] = kind.metrics(len(names))
        arguments["cache"] = kind.keeps_features(model, train)
        arguments["monitor"] = None
        if keep != "last" and validation is not None:
            solved = arguments["head_epochs"] is None
            by_auto = keep == "auto" and solved
            arguments["monitor"] = "auto" if by_auto else kind.evaluation.monitor
    tuned = fine_tune(
        model,
        data,
        None if validation is None else validation.in_order(),
        batch_size=train.batch_size,
        **arguments,
        **settings,
    )
    held_out = parts.held_out
    evaluate = None if held_out is None else _evaluator(held_out, names, counts.counts)
    before = evaluate and evaluate(tuned.model)
    final = corrected(tuned.model, recipe, counts, train)
    after = before if final is tuned.model else evaluate and evaluate(final)
    return Run(final, tuned.history, after, recipe, before, tuple(reasons))


def _evaluator(examples: Examples, names: tuple[str, ...], counts: np.ndarray) -> Any:
    def evaluate(model: keras.Model) -> Evaluation:
        kind, outputs = examples.kind, examples.outputs(model)
        return kind.evaluation.of(names, counts, outputs, gives_logits(model), kind.ignore_class)

    return evaluate
