"""Runs `kerasnorm fit`."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from rich.progress import Progress

from kerasnorm._strict_json import strict_json
from kerasnorm.backups import opened
from kerasnorm.cli._fit import seeds
from kerasnorm.cli.running._data import advice_for, read_problem, say_read
from kerasnorm.cli.running._job import console, preparing, print_once, replicas, written
from kerasnorm.distribute import from_chief
from kerasnorm.problems import (
    SOLVED,
    SOURCE_EPOCHS,
    Problem,
    compare,
    plain_fine_tuning,
    plain_ways,
)
from kerasnorm.recipe import Advice, Recipe, Run
from kerasnorm.recipe.results import Comparison, Trial, percent, table, where_it_does_not_help


def run_fit(arguments: argparse.Namespace) -> None:
    """Trains in each way with each seed, writes the last one, and prints how they compare."""
    more: dict[str, Any] = {"tensorboard": arguments.tensorboard, "prepare": preparing()}
    with opened(arguments.backup) as backup, written(arguments) as folder:
        more["backup"] = backup
        problem = read_problem(arguments)
        say_read(arguments, problem)
        console(stderr=arguments.json).print(f"reads {problem.reads}", soft_wrap=True)
        advised = _advised(arguments, problem)
        ways = _plain_ways(arguments, problem, advised) | {"recipe": advised}
        comparison = train_and_write(problem, ways, seeds(arguments), arguments, folder, more)
    say(arguments, comparison)


def say(arguments: argparse.Namespace, comparison: Comparison) -> None:
    """Prints how the ways of training compare."""
    if arguments.json:
        print_once(_as_json(comparison))
        return
    printed = console()
    printed.print(table(comparison, _title(comparison, arguments)))
    written = f"Model, recipe, figures and report.html are in {arguments.out}"
    for line in (where_it_does_not_help(comparison), written):
        printed.print(line, soft_wrap=line is written, markup=False)


def _advised(arguments: argparse.Namespace, problem: Problem) -> Recipe | Advice:
    """Returns the recipe of the file, or advice, with the chapters that options name."""
    if arguments.recipe is not None:
        way: Recipe | Advice = Recipe.from_json(Path(arguments.recipe).read_text(encoding="utf-8"))
    else:
        advice = advice_for(arguments, problem, replicas=replicas())
        # what was measured may differ in the last digit from one process to another
        recipe = Recipe.from_json(from_chief(advice.recipe.to_json()))
        way = Advice(recipe, advice.reasons)
    recipe = way.recipe if isinstance(way, Advice) else way
    if arguments.transfer == "svm":  # what is advised of trainings does not concern it
        settings = recipe.normalization_settings
        recipe = Recipe(recipe.normalization, normalization_settings=settings)
    chapters = ("normalization", "transfer", "imbalance", "loss", "correction")
    given = {name: getattr(arguments, name) for name in chapters if getattr(arguments, name)}
    named = {chapter: None if name == "none" else name for chapter, name in given.items()}
    if named.get("imbalance") or named.get("correction"):  # in place of the advised loss
        named = {"loss": "cross_entropy", **named}
    changed: dict[str, Any] = {}
    for chapter, name in named.items():
        if name != getattr(recipe, chapter):
            changed |= {chapter: name, f"{chapter}_settings": {}}
    if changed:
        way = recipe = dataclasses.replace(recipe, **changed)
    return way


def _plain_ways(
    arguments: argparse.Namespace, problem: Problem, advised: Recipe | Advice
) -> dict[str, Recipe | Advice]:
    if arguments.data == "digits":
        return plain_ways()
    recipe = advised.recipe if isinstance(advised, Advice) else advised
    frozen = Recipe(transfer="freeze")
    ways: dict[str, Recipe | Advice] = {}
    if arguments.compare:
        ways["plain"] = _plain(recipe, problem.pretrained)
    if problem.pretrained and recipe != frozen:
        ways[SOLVED] = frozen
    return ways


def _plain(recipe: Recipe, pretrained: bool) -> Recipe:
    """Returns what a call of Keras' `fit` does, by the recipe's optimizer."""
    settings = {"optimizer_settings": recipe.optimizer_settings}
    if not pretrained:
        return Recipe(None, "scratch", None, recipe.optimizer, **settings)
    rate = recipe.optimizer_settings.get("learning_rate", 1e-3)
    return plain_fine_tuning(rate, optimizer=recipe.optimizer, **settings)


def train_and_write(
    problem: Problem,
    ways: dict[str, Recipe | Advice],
    seeds: range,
    arguments: argparse.Namespace,
    folder: Path,
    more: dict[str, Any],
) -> Comparison:
    """Trains in each way with each seed; writes the last way's first run and the report."""
    comparison, run = _train(problem, ways, seeds, arguments, more)
    run.save(folder)
    run.report(folder / "report.html", comparison)
    (folder / "comparison.json").write_text(_as_json(comparison) + "\n", encoding="utf-8")
    return comparison


def _train(
    problem: Problem,
    ways: dict[str, Recipe | Advice],
    seeds: range,
    arguments: argparse.Namespace,
    more: dict[str, Any],
) -> tuple[Comparison, Run]:
    trainings, epochs = len(seeds) * len(ways), arguments.epochs
    total = trainings * epochs
    if arguments.data == "digits":  # a source for each seed
        total += len(seeds) * SOURCE_EPOCHS
    with Progress(transient=True, console=console(stderr=arguments.json)) as progress:
        bar = progress.add_task(f"{trainings} trainings", total=total)

        def on_trial(name: str, seed: int, trial: Trial) -> None:
            score = f"{trial.evaluation.score_name} {percent(trial.evaluation.score)} %"
            progress.console.print(f"seed {seed}, {name}: {score}", markup=False)

        def on_epoch() -> None:
            progress.advance(bar)

        return compare(
            ways, problem, seeds, epochs, arguments.batch_size, on_epoch, on_trial, **more
        )


def _title(comparison: Comparison, arguments: argparse.Namespace) -> str:
    trials = next(iter(comparison.values()))
    over = "seeds" if getattr(arguments, "folds", None) is None else "folds"
    spread = f"mean ± deviation over {len(trials)} {over}" if len(trials) > 1 else "1 seed"
    return f"Held-out images after {arguments.epochs} epochs, in %: {spread}"


def _as_json(comparison: Comparison) -> str:
    content = {
        name: [trial.evaluation.to_dict() for trial in trials]
        for name, trials in comparison.items()
    }
    return strict_json(content, indent=2)
