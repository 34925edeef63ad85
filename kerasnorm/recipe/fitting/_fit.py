"""Trains a model by a recipe."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from kerasnorm._files import staged
from kerasnorm._types import StrPath
from kerasnorm._validation import as_int, check_choice, require
from kerasnorm.backups import Backup, describe, opened
from kerasnorm.data.splitting import read_paths
from kerasnorm.distribute import is_chief, read_cluster
from kerasnorm.imbalance import ClassWeights
from kerasnorm.models import classes_of, gives_logits, is_graph
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.advising import Advice
from kerasnorm.recipe.examples import Contours
from kerasnorm.recipe.fitting._augmentation import augmentation_of
from kerasnorm.recipe.fitting._checks import (
    check_parts,
    check_trainable,
    class_names_of,
    outputs_for,
    read_recipe,
    say_absent,
    stopping,
)
from kerasnorm.recipe.fitting._corrected import TAKE_THE_PRIOR_OUT, check_correctable, corrected
from kerasnorm.recipe.fitting._evaluated import evaluated
from kerasnorm.recipe.fitting._fine_tune_arguments import fine_tune_arguments
from kerasnorm.recipe.fitting._image_size import adapted, resized
from kerasnorm.recipe.fitting._mixed_precision import in_float32, with_mixed_precision
from kerasnorm.recipe.fitting._parts import Parts, read_parts
from kerasnorm.recipe.fitting._with_normalization import with_normalization
from kerasnorm.recipe.results import Run
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
        recipe: A Recipe, or what `advise` returned.
        model: Built keras.Model that ends in a Dense layer, one output a class; or a backbone,
            which gets a head as in `replace_head`. For label maps one that ends in a convolution,
            (N, H, W, K), and perhaps in what resizes the maps; for contours (N, H, W, 1).
        train: (x, y) arrays; an `ImageFolder`, `ImageTable`, `SegmentationFolder` or `TFRecords`,
            which stay on disk; or a finite tf.data.Dataset of (x, y), single examples or batches.
            "resample" keeps a Dataset in memory. Or a path of images, a folder or a CSV file, as
            `kerasnorm fit` takes it. The parts that it has are `validation` and `test`, where you
            give none; if it has no parts and you give neither, they are held out of it as the
            command does: a tenth and a fifth, by the seed. Or (x, y, w) with sample weights (N,),
            by which the loss is multiplied beside the weights of the classes, and of examples held
            out the figures are weighted. What y are says what is learnt:

            - ints or names (N,), or one-hot rows (N, K): one class an example. A model of one
              output, a logit or a sigmoid, keeps it for two classes.
            - rows of 0 and 1 (N, K): several labels an example, each with an output of its own.
            - label maps of ints (N, H, W): one class a pixel.
            - maps of 0 and 1 (N, H, W), and a model of one map: contours.
        validation: As `train`: held-out examples for the curves, and to choose the best epoch by.
        epochs: Passes over `train`, the head's own included. An epoch of resampled examples is as
            long as the data. Defaults to 10.
        output: Folder to write model.keras, recipe.json, history.json, evaluation.json and more
            to, all or nothing. Defaults to None.
        verbose: As in `Model.fit`.
        test: As `train`: held-out examples for the evaluation, by which nothing is chosen. None:
            those of `validation`; the figures are then a little optimistic, unless `keep="last"`.
        batch_size: Examples per batch, where `train` has no batches of its own. Defaults to 32.
        seed: Sets the global seeds of Python, NumPy and the backend, which decide the order of the
            examples and new weights. Defaults to None.
        classes: Number of classes, or their names; by default up to the largest label.
        keep: Whose weights are kept. "best": those of the epoch with the best
            `val_balanced_accuracy`, of several labels `val_average_precision`, of label maps
            `val_mean_iou`, of contours `val_ods`, if there is `validation`; "last": those of the
            last epoch. "auto": where the head is solved, an average, as `monitor` of `fine_tune`
            has it; else as "best". Defaults to "auto".
        augmentation: Layer, or Sequential of layers, that changes the examples at random, in place
            of the recipe's; not for label maps, which would have to change with them.
            Defaults to None.
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
    model = adapted(with_normalization(model, recipe), recipe)
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
        shape = model.input_shape if is_graph(model) else None
        found = read_paths(shape, train, validation, test, seed=seed, ignore_class=ignore_class)
        given = dict(zip(("train", "validation", "test"), found, strict=True))
        given = {name: resized(name, data, recipe) for name, data in given.items()}
        parts = read_parts(**given, outputs=outputs_for(model, classes), **reading)
        check_parts(recipe, parts)
        names = class_names_of(classes, parts)
        say_absent(parts, names)
        kind = parts.train.kind
        model = with_mixed_precision(kind.with_head(model, len(names)), recipe)
        if backup is not None:
            backup.decided_by(**_fingerprint(recipe, parts, names, keep))
        settings = {
            "epochs": epochs,
            "verbose": verbose,
            "seed": seed,
            "augmentation": augmentation or augmentation_of(recipe, model),
            "callbacks": [*callbacks, *stopping(recipe, parts)],
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
    check_correctable(recipe, counts, parts)
    for name, part in parts.given():
        kind.check_fit(name, part, model)
    if isinstance(kind, Contours) and settings["jit_compile"] == "auto":
        settings["jit_compile"] = False  # contours are matched on the host
    order_seed = int(np.random.randint(2**31))  # so that the seed decides it
    order = None
    if recipe.imbalance == "resample":
        train = train.in_memory()
        drawing = {"num_classes": len(names), "seed": order_seed, **recipe.imbalance_settings}
        order = train.order(**drawing)
    steps = 0 if recipe.schedule is None else train.steps(order)  # a Dataset may have to be read
    logits = gives_logits(model)
    loss = kind.loss(recipe, train, len(names), logits)
    solvable = can_be_solved(model, loss)
    arguments = fine_tune_arguments(recipe, epochs, steps, solvable)
    data, arguments["sampler"] = train.for_training(order, order_seed)
    weights = kind.class_weight(recipe, counts)
    if weights is not None:
        arguments["class_weight"] = weights
    elif solvable and recipe.correction in TAKE_THE_PRIOR_OUT and train.classes.ndim == 1:
        equal = dict.fromkeys(range(len(names)), 1.0)
        arguments["class_weight"] = equal if train.weights is None else ClassWeights(equal)
    if classes_of(model) != kind.units(len(names)):
        arguments["classes"] = kind.units(len(names))
    if recipe.transfer != "svm":
        arguments["loss"] = loss
        arguments["metrics"] = kind.metrics(len(names), logits, parts.held_out or train)
        arguments["cache"] = kind.keeps_features(model, train)
        solved = arguments["head_epochs"] is None
        if keep == "auto" and solved:
            arguments["monitor"] = "auto"
        elif keep == "last" or validation is None:
            arguments["monitor"] = None
        else:
            arguments["monitor"] = kind.evaluation.monitor
    tuned = fine_tune(
        model,
        data,
        None if validation is None else validation.in_order(),
        batch_size=train.batch_size,
        **arguments,
        **settings,
    )
    trained = in_float32(tuned.model, recipe)
    judge = partial(evaluated, examples=parts.held_out, names=names, train_counts=counts.counts)
    before, predictions = judge(trained)
    final, after = corrected(trained, recipe, parts, len(names)), before
    if final is not trained:
        after, predictions = judge(final)
    said = tuple(reasons)
    return Run(final, tuned.history, after, recipe, before, said, names, predictions)
