"""What `fit` looks at before it begins."""

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kerasnorm._validation import as_int, listed
from kerasnorm.data import check_no_mark, outside
from kerasnorm.models import find_head, is_graph
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.advising import Advice
from kerasnorm.recipe.examples import Examples, Outputs, SeveralLabels
from kerasnorm.recipe.fitting._parts import Parts
from kerasnorm.transfer import is_backbone


def read_recipe(recipe: Any) -> tuple[Recipe, Sequence[str]]:
    """Returns the recipe, and the reasons if it is advice."""
    if isinstance(recipe, Advice):
        return recipe.recipe, recipe.reasons
    if not isinstance(recipe, Recipe):
        raise ValueError(f"`recipe` should be a Recipe or an Advice. Received: {recipe!r}.")
    return recipe, ()


def outputs_for(model: keras.Model, classes: int | Sequence[str] | None) -> Outputs:
    """Returns the model's outputs, or none where there are to be others of so many classes."""
    count = len(classes) if isinstance(classes, Sequence) else classes
    found = Outputs.of(model)
    return Outputs(sigmoid=found.sigmoid) if found.units == 1 and count not in (None, 2) else found


def class_names_of(classes: int | Sequence[str] | None, parts: Parts) -> tuple[str, ...]:
    """Returns the names of the classes: those given, the data's own, or their numbers.

    Raises:
        ValueError: If there are too few of them, or a single class.
    """
    found = {name: len(part.found.counts) for name, part in parts.given()}
    if classes is None:
        classes = parts.train.class_names or getattr(parts.train.data, "class_names", None)
    if classes is None:
        for _, part in parts.given():
            check_no_mark(np.flatnonzero(part.found.counts), "classes")
    if classes is None or not hasattr(classes, "__len__"):
        count = max(found.values()) if classes is None else as_int("classes", classes, low=2)
        names = parts.train.kind.names(count)
    else:
        names = tuple(map(str, classes))
    for name, count in found.items():
        if count > len(names):
            fix = f"Pass `classes={count}`, or correct the labels."
            raise ValueError(outside(count - 1, len(names), name, fix))
    several = isinstance(parts.train.kind, SeveralLabels)
    if not several and np.count_nonzero(parts.train.found.counts) < 2:
        raise ValueError("`train` has examples of one class only: there is nothing to tell apart.")
    return names


def say_absent(parts: Parts, names: Sequence[str]) -> None:
    """Warns of classes that one part of the examples has and another has not."""
    trained = _present(parts.train, names)
    for name, part in parts.given():
        here = _present(part, names)
        if absent := [each for each in names if each in trained and each not in here]:
            warnings.warn(
                f"`{name}` has no example of class {listed(absent, most=5)}, which `train` has: "
                "its figures leave that out, so they say nothing of it.",
                stacklevel=4,
            )
        if new := [each for each in names if each in here and each not in trained]:
            warnings.warn(
                f"`train` has no example of class {listed(new, most=5)}, which `{name}` has: it "
                "cannot be learnt, and a loss by the frequencies of the classes is infinite there.",
                stacklevel=4,
            )


def _present(part: Examples, names: Sequence[str]) -> set[str]:
    return {names[index] for index in np.flatnonzero(part.found.counts)}


def check_parts(recipe: Recipe, parts: Parts) -> None:
    """Refuses parts of two kinds, and what the recipe says and their kind cannot do."""
    kind = parts.train.kind
    kind.check(recipe)
    for name, part in parts.given():
        if part.kind != kind:
            raise ValueError(f"`{name}` has {part.kind}, and `train` has {kind}. Give the same.")
        found, expected = (each.classes.shape[1:] for each in (part, parts.train))
        if isinstance(kind, SeveralLabels) and found != expected:
            raise ValueError(
                f"The labels of `{name}` should be rows of {expected[0]}, as those of `train` are. "
                f"Received: rows of {found[0]}."
            )


def check_trainable(recipe: Recipe, model: Any, epochs: int) -> None:
    """Refuses what is no classifier, and epochs that the recipe's phases do not fit into."""
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError(f"`model` should be a built keras.Model. Received: {model!r}.")
    if not is_backbone(model):
        find_head(model)
    if is_graph(model) and len(model.inputs) != 1:
        raise ValueError(f"`model` should have one input. Received: {len(model.inputs)}.")
    if recipe.transfer_settings.get("head_epochs", 0) >= epochs:
        raise ValueError(
            "`head_epochs` should leave epochs for the other layers. Received: "
            f"head_epochs={recipe.transfer_settings['head_epochs']}, epochs={epochs}."
        )


def stopping(recipe: Recipe, parts: Parts) -> list[keras.callbacks.Callback]:
    """Returns what stops a phase of the training after the recipe's `patience`, if it has one.

    Raises:
        ValueError: if there is nothing to judge the epochs by.
    """
    if recipe.patience is None:
        return []
    if parts.validation is None:
        raise ValueError(
            f"patience={recipe.patience} needs `validation` to judge the epochs by, and there is "
            "none. Give both, or leave `patience` out."
        )
    monitor = parts.train.kind.evaluation.monitor
    return [keras.callbacks.EarlyStopping(monitor, patience=recipe.patience, mode="max")]
