"""Runs `kerasnorm fit`."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from kerasnorm._strict_json import strict_json
from kerasnorm.backups import opened
from kerasnorm.cli._fit import seeds
from kerasnorm.cli.running._about import about, files_of, in_words, write_about
from kerasnorm.cli.running._data import read_problem, say_read
from kerasnorm.cli.running._job import console, preparing, print_once, written
from kerasnorm.cli.running._progress import Trainings
from kerasnorm.cli.running._recipe import chosen_way, plain_beside, use_image_size
from kerasnorm.problems import SOURCE_EPOCHS, Problem, compare
from kerasnorm.recipe import Advice, Recipe, Run
from kerasnorm.recipe.examples import read_examples
from kerasnorm.recipe.results import Comparison, table, where_it_does_not_help


def run_fit(arguments: argparse.Namespace) -> None:
    """Trains in each way with each seed, writes the last one, and prints how they compare."""
    more: dict[str, Any] = {"tensorboard": arguments.tensorboard, "prepare": preparing()}
    with opened(arguments.backup) as backup, written(arguments) as folder:
        more["backup"] = backup
        if arguments.recipe is not None:
            use_image_size(arguments)
        problem = read_problem(arguments)
        say_read(arguments, problem)
        console(stderr=arguments.json).print(f"reads {problem.reads}", soft_wrap=True)
        way = chosen_way(arguments, problem)
        ways = plain_beside(arguments, problem, way) | {"recipe": way}
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
    for line in filter(None, (where_it_does_not_help(comparison), written)):
        printed.print(line, soft_wrap=line is written, markup=False)


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
    parts, names = problem.data(arguments.seed), problem.classes
    read = f"{problem.described(arguments.seed)}; {problem.reads}"
    content = about(arguments, read, seeds)
    held_out = parts[1] if parts[2] is None else parts[2]
    run.report(
        folder / "report.html",
        comparison,
        held_out=_rows_of(held_out),
        files=files_of(held_out),
        about=in_words(content),
    )
    write_about(folder, content, run, parts, names)
    (folder / "comparison.json").write_text(_as_json(comparison) + "\n", encoding="utf-8")
    return comparison


def _rows_of(held_out: Any) -> Any:
    """Returns a function from rows to the examples that are there."""
    examples = read_examples("held out", held_out, 4)

    def of_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y, *_ = zip(*examples.batches(rows), strict=True)
        return np.concatenate(x), np.concatenate(y)

    return of_rows


def _train(
    problem: Problem,
    ways: dict[str, Recipe | Advice],
    seeds: range,
    arguments: argparse.Namespace,
    more: dict[str, Any],
) -> tuple[Comparison, Run]:
    epochs, printed = arguments.epochs, console(stderr=arguments.json)
    # a source for each seed
    before = len(seeds) * SOURCE_EPOCHS if arguments.data == "digits" else 0
    with Trainings(printed, len(seeds) * len(ways), epochs, before) as told:
        batch_size, on = arguments.batch_size, (told.on_epoch, told.on_trial)
        return compare(ways, problem, seeds, epochs, batch_size, *on, **more)


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
