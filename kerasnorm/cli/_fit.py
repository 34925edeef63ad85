"""`kerasnorm fit`."""

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from rich.progress import Progress

from kerasnorm import normalization
from kerasnorm._validation import as_int, require
from kerasnorm.cli._command import add_command, add_out
from kerasnorm.cli._data import add_data, advice_for, read_problem
from kerasnorm.cli._job import EPILOG, console, preparing, print_once, replicas, written
from kerasnorm.distribute import from_chief
from kerasnorm.problems import SOURCE_EPOCHS, Problem, compare, plain_ways
from kerasnorm.recipe import CORRECTIONS, IMBALANCES, LOSSES, TRANSFERS, Advice, Recipe, Run
from kerasnorm.recipe.results import Comparison, Trial, percent, table, where_it_does_not_help

EXAMPLES = """examples:
  kerasnorm fit digits --out run
  kerasnorm fit photos/ --out run --backbone MobileNetV2 --weights imagenet --compare
  kerasnorm fit photos.csv --out run --epochs 30 --backup unfinished
  kerasnorm fit scenes/ --out run --model unet.keras --ignore-class 255
  kerasnorm fit photos/ --out run2 --recipe run/recipe.json --weights run/model.keras
"""


def add_fit(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = add_command(
        commands,
        "fit",
        _fit,
        "train a classifier of images, or of their pixels, by a recipe; report class by class",
        EXAMPLES + EPILOG,
    )
    add_data(parser)
    add_out(parser)
    recipe = parser.add_argument_group("recipe, by default what `kerasnorm advise` says")
    add = recipe.add_argument
    add("--recipe", metavar="FILE", help="recipe.json of an earlier run; the options below win")
    add("--normalization", choices=["none", *normalization.names()])
    add("--transfer", choices=["none", *TRANSFERS])
    add("--imbalance", choices=["none", *IMBALANCES])
    add("--loss", choices=LOSSES)
    add("--correction", choices=["none", *CORRECTIONS])
    training = parser.add_argument_group("training")
    add = training.add_argument
    add("--seeds", type=int, help="how many seeds to train with (digits: 3, folder: 1)")
    add("--compare", action="store_true", help="train plainly too; digits are always compared")
    add("--backup", metavar="DIR", help="note the progress here, and go on from it after a break")
    add("--tensorboard", metavar="DIR", help="write TensorBoard's logs here")


def _fit(arguments: argparse.Namespace) -> None:
    require("matplotlib")
    count = as_int("--seeds", arguments.seeds or (3 if arguments.data == "digits" else 1), low=1)
    more: dict[str, Any] = {
        "backup_dir": arguments.backup,
        "tensorboard": arguments.tensorboard,
    }
    several = arguments.data == "digits" or arguments.compare or count > 1
    if several and any(more.values()):
        raise ValueError("--backup and --tensorboard are for a single training of a folder.")
    more["prepare"] = preparing()
    with written(arguments) as folder:
        problem = read_problem(arguments)
        seeds = range(arguments.seed, arguments.seed + count)
        advised = _advised(arguments, problem)
        ways = _plain_ways(arguments, problem, advised) | {"recipe": advised}
        comparison = train_and_write(problem, ways, seeds, arguments, folder, more)
    say(arguments, comparison)


def say(arguments: argparse.Namespace, comparison: Comparison) -> None:
    """Prints how the ways of training compare."""
    if arguments.json:
        print_once(_as_json(comparison))
        return
    printed = console()
    printed.print(table(comparison, _title(comparison, arguments.epochs)))
    printed.print(where_it_does_not_help(comparison))
    printed.print(f"Model, recipe, figures and report.html are in {arguments.out}", soft_wrap=True)


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
    if recipe.transfer == "freeze" and not problem.pretrained:
        raise ValueError("Nothing is learnt above frozen new weights: give --weights with freeze.")
    return way


def _plain_ways(
    arguments: argparse.Namespace, problem: Problem, advised: Recipe | Advice
) -> dict[str, Recipe | Advice]:
    if arguments.data == "digits":
        return plain_ways()
    if not arguments.compare:
        return {}
    recipe = advised.recipe if isinstance(advised, Advice) else advised
    transfer = "fine_tune" if problem.pretrained else "scratch"
    settings = recipe.optimizer_settings
    return {"plain": Recipe(None, transfer, None, recipe.optimizer, optimizer_settings=settings)}


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
            progress.console.print(f"seed {seed}, {name}: {score}")

        def on_epoch() -> None:
            progress.advance(bar)

        return compare(
            ways, problem, seeds, epochs, arguments.batch_size, on_epoch, on_trial, **more
        )


def _title(comparison: Comparison, epochs: int) -> str:
    trials = next(iter(comparison.values()))
    spread = f"mean ± deviation over {len(trials)} seeds" if len(trials) > 1 else "1 seed"
    return f"Held-out images after {epochs} epochs, in %: {spread}"


def _as_json(comparison: Comparison) -> str:
    content = {
        name: [trial.evaluation.to_dict() for trial in trials]
        for name, trials in comparison.items()
    }
    return json.dumps(content, indent=2)
