"""Runs `kerasnorm inspect` and `kerasnorm replace`."""

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import keras

from kerasnorm._files import whole
from kerasnorm.models import load_model
from kerasnorm.surgery import inspect, replace_normalization


def run_inspect(arguments: argparse.Namespace) -> None:
    """Prints the layers of a model."""
    layers = inspect(_load(arguments))
    print(json.dumps(layers.to_dict(), indent=2, default=str) if arguments.json else layers)


def run_replace(arguments: argparse.Namespace) -> None:
    """Writes a model with another normalization."""
    settings = {} if arguments.groups is None else {"groups": arguments.groups}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*cannot be replaced")  # the report says it too
        model, report = replace_normalization(
            _load(arguments),
            arguments.to,
            arguments.where,
            weight_standardization=arguments.weight_standardization,
            **settings,
        )
    save_whole(model, Path(arguments.out))
    print(report)
    print(f"The new model is in {arguments.out}. Train it: its features are those of the old one.")


def _load(arguments: argparse.Namespace) -> keras.Model:
    try:
        return load_model(Path(arguments.model), unsafe=arguments.unsafe)
    except ValueError as error:
        if arguments.unsafe or "Lambda" not in str(error):
            raise
        raise ValueError(
            f"{arguments.model!r} has a Lambda layer, whose code would run and could do anything. "
            "Add --unsafe if you trust the file."
        ) from error


def save_whole(
    model: keras.Model, path: Path, check: Callable[[Path], None] = lambda part: None
) -> None:
    """Writes the file whole or not at all: not if `check`, which may read it, raises."""
    with whole(path) as part:
        model.save(part)
        check(part)
