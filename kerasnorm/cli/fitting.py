"""`kerasnorm fit`."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from kerasnorm import normalization
from kerasnorm._validation import as_int, listed, require
from kerasnorm.recipe import Recipe, Run
from kerasnorm.recipe.chapters import IMBALANCES, TRANSFERS
from kerasnorm.recipe.compare import Task, compare
from kerasnorm.recipe.comparison import (
    Comparison,
    Trial,
    percent,
    table,
    where_it_does_not_help,
)
from kerasnorm.recipe.digits_task import EPOCHS, PLAIN, RATE, SOURCE_EPOCHS, DigitsTask
from kerasnorm.recipe.folder import describe_unreadable, read_folder
from kerasnorm.recipe.folder_task import FolderTask
from kerasnorm.recipe.output import staged
from kerasnorm.recipe.recipe import fine_tuning

EXAMPLES = """examples:
  kerasnorm fit digits --out run
  kerasnorm fit photos/ --out run --backbone MobileNetV2 --weights imagenet --compare
  kerasnorm fit photos/ --out run2 --recipe run/recipe.json --weights run/model.keras
"""
_FOLDER_ONLY = ("backbone", "weights", "image_size", "validation_split", "strict")


def add_fit(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = commands.add_parser(
        "fit",
        help="train an image classifier by a recipe and report on it class by class",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_fit)
    add = parser.add_argument
    add("data", metavar="DATA", help="folder with a sub-folder of images a class, or: digits")
    add("--out", required=True, metavar="DIR", help="folder for model.keras, report.html, …")
    add("--overwrite", action="store_true", help="let DIR exist")
    recipe = parser.add_argument_group("recipe")
    add = recipe.add_argument
    add("--recipe", metavar="FILE", help="recipe.json of an earlier run; the options below win")
    add("--normalization", choices=["none", *normalization.names()])
    add("--transfer", choices=["none", *TRANSFERS])
    add("--imbalance", choices=["none", *IMBALANCES])
    training = parser.add_argument_group("training")
    add = training.add_argument
    add("--epochs", type=int, help="passes over the training images (digits: 12, folder: 10)")
    add("--batch-size", type=int, default=32)
    add("--seed", type=int, default=0, help="the first seed (0)")
    add("--seeds", type=int, help="how many seeds to train with (digits: 3, folder: 1)")
    add("--compare", action="store_true", help="train plainly too; digits are always compared")
    folder = parser.add_argument_group("folder of images")
    add = folder.add_argument
    add("--backbone", metavar="NAME", help="of keras.applications; default: a small ConvNet")
    add("--weights", help="imagenet, none (default), or a file: .weights.h5 or .keras")
    add("--image-size", type=int, metavar="PIXELS", help="default: 160, small ConvNet: 64")
    add("--validation-split", type=float, metavar="SHARE", help="held out of each class (0.2)")
    add("--strict", action="store_true", help="refuse unreadable images instead of skipping them")


def _fit(arguments: argparse.Namespace) -> None:
    digits = arguments.data == "digits"
    require("matplotlib", *(["sklearn"] if digits else []))
    first, count = as_int("--seed", arguments.seed, low=0), arguments.seeds or (3 if digits else 1)
    seeds = range(first, first + as_int("--seeds", count, low=1))
    with staged(arguments.out, arguments.overwrite) as folder:
        if arguments.epochs is None:
            arguments.epochs = EPOCHS if digits else 10
        epochs = as_int("--epochs", arguments.epochs, low=1)
        task, ways = (_digits if digits else _folder)(arguments)
        comparison, run = _train(task, ways, seeds, epochs, arguments.batch_size)
        run.save(folder)
        run.report(folder / "report.html", comparison)
        _write_comparison(folder / "comparison.json", comparison)
    console = Console()
    console.print(table(comparison, _title(comparison, epochs)))
    console.print(where_it_does_not_help(comparison))
    console.print(f"Model, recipe, figures and report.html are in {arguments.out}", soft_wrap=True)


def _digits(arguments: argparse.Namespace) -> tuple[Task, dict[str, Recipe]]:
    given = [name for name in _FOLDER_ONLY if getattr(arguments, name)]
    if given:
        options = listed(f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"digits have their own ConvNet and test images: leave out {options}.")
    recipe = _recipe(arguments, fine_tuning(arguments.epochs, **RATE))
    return DigitsTask(), {**PLAIN, "recipe": recipe}


def _folder(arguments: argparse.Namespace) -> tuple[Task, dict[str, Recipe]]:
    images = read_folder(arguments.data, arguments.strict)
    if images.unreadable:
        print(f"kerasnorm: skipped {describe_unreadable(images.unreadable)}", file=sys.stderr)
    share = 0.2 if arguments.validation_split is None else arguments.validation_split
    size = arguments.image_size and as_int("--image-size", arguments.image_size, low=8)
    task = FolderTask(images, arguments.backbone, arguments.weights or "none", size, share)
    default = Recipe(transfer="scratch", imbalance="resample")
    if task.pretrained:
        default = fine_tuning(arguments.epochs, learning_rate=3e-4)
    recipe = _recipe(arguments, default)
    if recipe.transfer == "freeze" and not task.pretrained:
        raise ValueError("Nothing is learnt above frozen new weights: give --weights with freeze.")
    plain = Recipe(
        transfer=default.transfer,
        optimizer=recipe.optimizer,
        optimizer_settings=recipe.optimizer_settings,
    )
    return task, {**({"plain": plain} if arguments.compare else {}), "recipe": recipe}


def _recipe(arguments: argparse.Namespace, default: Recipe) -> Recipe:
    """Returns the recipe of the file, or the default, with the chapters that options name."""
    recipe = default
    if arguments.recipe is not None:
        recipe = Recipe.from_json(Path(arguments.recipe).read_text(encoding="utf-8"))
    for chapter in ("normalization", "transfer", "imbalance"):
        name = getattr(arguments, chapter)
        name = None if name == "none" else name
        if getattr(arguments, chapter) and name != getattr(recipe, chapter):
            recipe = dataclasses.replace(recipe, **{chapter: name, f"{chapter}_settings": {}})
    return recipe


def _train(
    task: Task, ways: dict[str, Recipe], seeds: range, epochs: int, batch_size: int
) -> tuple[Comparison, Run]:
    trainings = len(seeds) * len(ways)
    total = trainings * epochs + len(seeds) * task.pretrainings(ways.values()) * SOURCE_EPOCHS
    with Progress(transient=True) as progress:
        bar = progress.add_task(f"{trainings} trainings", total=total)

        def on_trial(name: str, seed: int, trial: Trial) -> None:
            figure = percent(trial.evaluation.balanced_accuracy)
            progress.console.print(f"seed {seed}, {name}: balanced accuracy {figure} %")

        return compare(
            ways, task, seeds, epochs, batch_size, lambda: progress.advance(bar), on_trial
        )


def _title(comparison: Comparison, epochs: int) -> str:
    trials = next(iter(comparison.values()))
    spread = f"mean ± deviation over {len(trials)} seeds" if len(trials) > 1 else "1 seed"
    return f"Held-out images after {epochs} epochs, in %: {spread}"


def _write_comparison(path: Path, comparison: Comparison) -> None:
    content = {
        name: [trial.evaluation.to_dict() for trial in trials]
        for name, trials in comparison.items()
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
