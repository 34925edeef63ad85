"""Reads the images that a command names, and advises on them."""

import argparse
import sys
from typing import Any

from kerasnorm._existing import holds_scenes
from kerasnorm.cli._data import class_names_of, columns_of, shares
from kerasnorm.cli.running._job import console
from kerasnorm.data import describe_unreadable, read_images
from kerasnorm.distribute import is_chief
from kerasnorm.problems import (
    EPOCHS,
    RATE,
    DigitsProblem,
    FolderProblem,
    Problem,
    SceneProblem,
)
from kerasnorm.recipe import Advice, Recipe, advise


def read_problem(arguments: argparse.Namespace) -> Problem:
    """Returns the data to train on and the models to start from; fills in the epochs."""
    if arguments.epochs is None:
        arguments.epochs = EPOCHS if arguments.data == "digits" else 10
    if arguments.data == "digits":
        return DigitsProblem()
    weights, size = arguments.weights or "none", arguments.image_size
    if holds_scenes(arguments.data):
        held_out, ignore_class = shares(arguments), arguments.ignore_class
        problem = SceneProblem(
            arguments.data, weights, size, held_out, ignore_class, arguments.kept_in
        )
        problem.classes = class_names_of(arguments, problem.classes)
        return problem
    files = read_images(arguments.data, columns_of(arguments), arguments.kept_in)
    files.class_names = tuple(class_names_of(arguments, files.class_names))
    problem = FolderProblem(
        files,
        arguments.backbone,
        weights,
        size,
        (arguments.validation_split, arguments.test_split),
        getattr(arguments, "folds", None) or 0,
        arguments.seed,
        arguments.strict,
    )
    if problem.unreadable:
        print(f"kerasnorm: skipped {describe_unreadable(problem.unreadable)}", file=sys.stderr)
    return problem


def say_read(arguments: argparse.Namespace, problem: Problem) -> None:
    """Prints what was read, and what seems to be wrong with it."""
    printed = console(stderr=arguments.json)
    text = f"read {arguments.data}: {problem.described(arguments.seed)}"
    printed.print(text, soft_wrap=True, markup=False, highlight=False)
    for doubt in problem.doubts() if is_chief() else ():
        print(f"kerasnorm: {doubt}", file=sys.stderr)


def advice_for(arguments: argparse.Namespace, problem: Problem, **settings: Any) -> Advice:
    """Returns the advice on a problem with its first seed; from scratch without weights."""
    train, _, _ = problem.data(arguments.seed)
    model = problem.model(Recipe(), arguments.seed)
    if arguments.data == "digits":  # three small layers, which a large rate does not harm
        settings = {"learning_rate": RATE, "base_share": 1} | settings
    return advise(
        model,
        train,
        batch_size=arguments.batch_size,
        epochs=arguments.epochs,
        pretrained=problem.pretrained,
        seed=arguments.seed,
        **settings,
    )
