"""Runs `kerasnorm predict`."""

import argparse
import json
import sys

import numpy as np

from kerasnorm._table import aligned
from kerasnorm.cli._predict import find_images
from kerasnorm.cli.running._maps import write_maps
from kerasnorm.imbalance import ImageFiles
from kerasnorm.models import gives_logits, gives_maps
from kerasnorm.problems import describe_left_out, describe_sizes, describe_unreadable
from kerasnorm.recipe import Run
from kerasnorm.recipe.examples import read_examples
from kerasnorm.recipe.results import probabilities


def run_predict(arguments: argparse.Namespace) -> None:
    """Prints the predictions of a run for images."""
    run = Run.load(arguments.run_folder)
    size = image_size_of(arguments, run.model.input_shape)
    names = run.class_names
    files = _sound(arguments, names, size)
    paths = files.paths.tolist()
    found = read_examples("images", files, 4, arguments.batch_size).outputs(run.model)
    batches = (outputs for _, outputs in found)
    if gives_maps(run.model):
        write_maps(paths, names, batches, arguments.masks, arguments.json)
        return
    if arguments.masks is not None:
        raise ValueError(f"--masks is for label maps, and {arguments.run_folder!r} gives none.")
    outputs = probabilities(np.concatenate(list(batches)), gives_logits(run.model))
    if arguments.json:
        found = [
            {"path": path, "class": names[row.argmax()], "probabilities": _by_name(names, row)}
            for path, row in zip(paths, outputs, strict=True)
        ]
        print(json.dumps(found, indent=2))
        return
    rows = [
        (path, names[row.argmax()], f"{100 * row.max():.1f} %")
        for path, row in zip(paths, outputs, strict=True)
    ]
    print(aligned([("image", "class", "probability"), *rows], left=2))


def _sound(arguments: argparse.Namespace, names: tuple[str, ...], size: int) -> ImageFiles:
    """Returns the images that can be decoded, and says what was read and what was skipped."""
    paths, skipped = find_images(arguments.images)
    files = ImageFiles(paths, np.zeros(len(paths), int), names, size)
    readable = files.readable(files.size)
    unreadable = describe_unreadable(files.paths[~readable].tolist())
    if not readable.any() or (arguments.strict and not readable.all()):
        raise ValueError(unreadable)
    said = sys.stderr if arguments.json else sys.stdout
    noun = "image" if readable.sum() == 1 else "images"
    print(
        f"read {readable.sum()} {noun}, {describe_sizes(paths)}{describe_left_out(skipped)}",
        file=said,
    )
    if not readable.all():
        print(f"kerasnorm: skipped {unreadable}", file=sys.stderr)
    return files.subset(readable)


def image_size_of(arguments: argparse.Namespace, shape: tuple) -> int:
    """Returns the size of the images that the model takes, or that is asked for if it takes any."""
    fits = len(shape) == 4 and shape[-1] == 3 and shape[1] == shape[2]
    size = arguments.image_size
    if not fits or size not in (None, shape[1] or size) or (size or shape[1]) is None:
        asked = "" if size is None else f", and --image-size {size}"
        raise ValueError(
            f"The model of {arguments.run_folder!r} should take square RGB images of a "
            f"fixed size, or pass --image-size. Received: inputs of {shape}{asked}."
        )
    return size or shape[1]


def _by_name(names: tuple[str, ...], row: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, row, strict=True)}
