"""The recipe that `kerasnorm fit` trains by, and the plain ones beside it."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from kerasnorm._choices import VALUES
from kerasnorm.cli.running._data import advice_for
from kerasnorm.cli.running._job import replicas
from kerasnorm.distribute import from_chief
from kerasnorm.problems import SOLVED, Problem, plain_fine_tuning, plain_ways
from kerasnorm.recipe import Advice, Recipe

_CHAPTERS = ("normalization", "transfer", "imbalance", "loss", "correction", "augmentation")


def use_image_size(arguments: argparse.Namespace) -> None:
    """Reads images at the size that the recipe file says, where no option or file says another."""
    recipe = _of_file(arguments)
    if arguments.image_size is None and not str(arguments.weights).endswith(".keras"):
        arguments.image_size = recipe.image_size


def _of_file(arguments: argparse.Namespace) -> Recipe:
    return Recipe.from_json(Path(arguments.recipe).read_text(encoding="utf-8"))


def chosen_way(arguments: argparse.Namespace, problem: Problem) -> Recipe | Advice:
    """Returns the recipe of the file, or advice, with what options name."""
    if arguments.recipe is not None:
        way: Recipe | Advice = _of_file(arguments)
    else:
        advice = advice_for(arguments, problem, replicas=replicas(), **_rate(arguments))
        # what was measured may differ in the last digit from one process to another
        recipe = Recipe.from_json(from_chief(advice.recipe.to_json()))
        way = Advice(recipe, advice.reasons)
    recipe = way.recipe if isinstance(way, Advice) else way
    if arguments.transfer == "svm":  # what is advised of trainings does not concern it
        settings = recipe.normalization_settings
        recipe = Recipe(recipe.normalization, normalization_settings=settings)
    changed = _changes(arguments, recipe)
    if not changed:
        return way
    reasons = way.reasons if isinstance(way, Advice) and recipe is way.recipe else []
    recipe = dataclasses.replace(recipe, **changed)
    chosen = [name for name in changed if not name.endswith("_settings")]
    kept = [each for each in reasons if each.partition(":")[0].lower() not in chosen]
    asked = [f"{name}: {recipe.describe(name)}, as the command says" for name in chosen]
    return Advice(recipe, [*kept, *asked]) if reasons else recipe


def _changes(arguments: argparse.Namespace, recipe: Recipe) -> dict[str, Any]:
    """Returns the fields of the recipe that options change."""
    given = {name: getattr(arguments, name) for name in _CHAPTERS if getattr(arguments, name)}
    named = {chapter: None if name == "none" else name for chapter, name in given.items()}
    if named.get("imbalance") or named.get("correction"):  # in place of the advised loss
        named = {"loss": "cross_entropy", **named}
    changed: dict[str, Any] = {}
    for chapter, name in named.items():
        if name != getattr(recipe, chapter):
            changed |= {chapter: name, f"{chapter}_settings": {}}
    values = {name: getattr(arguments, name) for name in VALUES}
    changed |= {
        name: None if value == "none" else value
        for name, value in values.items()
        if value is not None and (name != "image_size" or recipe.image_size is not None)
    }
    if arguments.learning_rate is not None and arguments.recipe is not None:
        rate = {"learning_rate": arguments.learning_rate}
        changed["optimizer_settings"] = {**recipe.optimizer_settings, **rate}
        settings = dict(changed.get("transfer_settings", recipe.transfer_settings))
        settings.pop("base_learning_rate", None)  # of another rate
        changed["transfer_settings"] = settings
    return changed


def _rate(arguments: argparse.Namespace) -> dict[str, float]:
    rate = arguments.learning_rate
    return {} if rate is None else {"learning_rate": rate}


def plain_beside(
    arguments: argparse.Namespace, problem: Problem, advised: Recipe | Advice
) -> dict[str, Recipe | Advice]:
    """Returns the ways of training that the chosen one is compared with."""
    if arguments.data == "digits":
        return plain_ways()
    recipe = advised.recipe if isinstance(advised, Advice) else advised
    frozen = Recipe(transfer="freeze", image_size=recipe.image_size)
    ways: dict[str, Recipe | Advice] = {}
    if arguments.compare:
        ways["plain"] = _plain(recipe, problem.pretrained)
    if problem.pretrained and recipe != frozen:
        ways[SOLVED] = frozen
    return ways


def _plain(recipe: Recipe, pretrained: bool) -> Recipe:
    """Returns what a call of Keras' `fit` does, by the recipe's optimizer."""
    settings = {
        "optimizer_settings": recipe.optimizer_settings,
        "image_size": recipe.image_size,
    }
    if not pretrained:
        return Recipe(None, "scratch", None, recipe.optimizer, **settings)
    rate = recipe.optimizer_settings.get("learning_rate", 1e-3)
    return plain_fine_tuning(rate, optimizer=recipe.optimizer, **settings)
