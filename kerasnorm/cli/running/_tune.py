"""Runs `kerasnorm tune`."""

import argparse
import json
import sys
from typing import Any

from kerasnorm._choices import CHAPTERS, VALUES
from kerasnorm._files import staged
from kerasnorm._strict_json import strict_json
from kerasnorm.cli._fit import seeds
from kerasnorm.cli.running._data import advice_for, read_problem, say_read
from kerasnorm.cli.running._fit import say, train_and_write
from kerasnorm.recipe import Advice, Recipe, fit
from kerasnorm.tuning import RecipeHyperModel, Search, search, spaces


def run_tune(arguments: argparse.Namespace) -> None:
    """Searches for a better recipe than the advised one, and writes the better of the two."""
    with staged(arguments.out, arguments.overwrite) as folder:
        problem = read_problem(arguments)
        say_read(arguments, problem)
        advice = advice_for(arguments, problem)
        train, validation, _ = problem.data(arguments.seed)
        space = _space(arguments.space)
        if not problem.pretrained:  # nothing below the head is worth keeping
            space = {name: space[name] for name in space if not name.startswith("transfer")}
        hypermodel = RecipeHyperModel(
            lambda recipe: problem.model(recipe, arguments.seed),
            space,
            _without(advice.recipe, space),
            classes=problem.classes,
            batch_size=arguments.batch_size,
        )
        found = _search(hypermodel, train, validation, arguments)
        print(found, file=sys.stderr if arguments.json else sys.stdout)
        model = problem.model(advice.recipe, arguments.seed)
        settings = {"batch_size": arguments.batch_size, "seed": arguments.seed, "verbose": 0}
        run = fit(
            advice, model, train, validation, arguments.epochs, classes=problem.classes, **settings
        )
        ways = _best_last(advice, run.evaluation.balanced_accuracy, found)
        comparison = train_and_write(problem, ways, seeds(arguments), arguments, folder, {})
        (folder / "trials.json").write_text(_as_json(found.trials), encoding="utf-8")
    say(arguments, comparison)


def _space(name: str) -> dict[str, Any]:
    if name == "default":
        parts = spaces.rates(), spaces.freeze_depths(), spaces.layer_decays(), spaces.losses()
        return spaces.join(*parts)
    return getattr(spaces, name)()


def _search(
    hypermodel: RecipeHyperModel, train: Any, validation: Any, arguments: argparse.Namespace
) -> Search:
    try:
        return search(
            hypermodel,
            train,
            validation,
            arguments.tuner,
            arguments.trials,
            arguments.study,
            epochs=arguments.epochs,
            seed=arguments.seed,
            verbose=0,
            distributed=arguments.distributed,
        )
    except RuntimeError as error:  # no trial completed, or other processes are missing
        raise ValueError(str(error)) from error


def _best_last(advice: Advice, score: float, found: Search) -> dict[str, Recipe | Advice]:
    """Returns the advised recipe and the one found, the better on the validation images last."""
    best = max(row["score"] for row in found.trials if row["score"] is not None)
    ways: list[tuple[str, Recipe | Advice]] = [("advised", advice), ("tuned", found.best_recipe)]
    if best <= score:
        print(
            f"kerasnorm: no trial beats the advised recipe on the validation images ({best:.3f}, "
            f"advised {score:.3f}), so that is what is written",
            file=sys.stderr,
        )
    return dict(ways if best > score else ways[::-1])


def _without(recipe: Recipe, space: dict[str, Any]) -> Recipe:
    """Returns the recipe to vary: plain in the chapters that the space names."""
    chapters = {name.partition("_settings")[0] for name in space}
    plain = Recipe()
    fields = {
        field: getattr(plain if chapter in chapters else recipe, field)
        for chapter in CHAPTERS
        for field in (chapter, f"{chapter}_settings")
    }
    return Recipe(**fields, **{name: getattr(recipe, name) for name in VALUES})


def _as_json(trials: list[dict[str, Any]]) -> str:
    rows = [
        {**row, "recipe": row["recipe"] and json.loads(row["recipe"].to_json())} for row in trials
    ]
    return strict_json(rows, indent=2) + "\n"
