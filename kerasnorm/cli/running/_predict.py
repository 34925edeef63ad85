"""Runs `kerasnorm predict`."""

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from kerasnorm._files import whole
from kerasnorm._strict_json import strict_json
from kerasnorm._table import aligned
from kerasnorm.cli._predict import find_images
from kerasnorm.cli.running._about import write_table
from kerasnorm.cli.running._maps import write_maps
from kerasnorm.cli.running._model import read_run
from kerasnorm.data import describe_unreadable
from kerasnorm.imbalance import ImageFiles
from kerasnorm.models import gives_maps
from kerasnorm.problems import describe_left_out, describe_sizes
from kerasnorm.recipe.examples import read_examples


def run_predict(arguments: argparse.Namespace) -> None:
    """Prints what the model of a run says of images."""
    run, names = read_run(arguments.run_folder)
    size = image_size_of(arguments, run.model.input_shape)
    paths, skipped = find_images(arguments.images)
    files = sound(ImageFiles(paths, np.zeros(len(paths), int), names, size), arguments, skipped)
    paths = files.paths.tolist()
    found = read_examples("images", files, 4, arguments.batch_size).outputs(run.model)
    batches = (outputs for _, outputs, *_ in found)
    if gives_maps(run.model):
        if arguments.out is not None:
            raise ValueError("--out is for a class an image: give --masks or --json.")
        if len(names) == 1:  # contours
            names, batches = ("background", *names), map(run.probabilities_of, batches)
        write_maps(paths, names, batches, arguments.masks, arguments.json)
        return
    if arguments.masks is not None:
        raise ValueError(f"--masks is for label maps, and {arguments.run_folder!r} gives none.")
    outputs = run.probabilities_of(np.concatenate(list(batches)))
    if run.several_labels:
        _say_labels(paths, names, outputs, arguments)
        return
    if arguments.out is not None:
        _write(Path(arguments.out).expanduser(), paths, names, outputs)
    if arguments.json:
        found = [
            {"path": path, "class": names[row.argmax()], "probabilities": _by_name(names, row)}
            for path, row in zip(paths, outputs, strict=True)
        ]
        print(strict_json(found, indent=2))
    elif arguments.out is not None:
        print(f"The classes of {len(paths)} images are in {arguments.out}")
    else:
        rows = [
            (path, names[row.argmax()], f"{100 * row.max():.1f} %")
            for path, row in zip(paths, outputs, strict=True)
        ]
        print(aligned([("image", "class", "probability"), *rows], left=2))


def _write(path: Path, paths: list[str], names: tuple[str, ...], outputs: np.ndarray) -> None:
    """Writes a table: the class of each image, and the probabilities of all."""
    rows = [
        (image, names[row.argmax()], f"{row.max():.6f}", *(f"{each:.6f}" for each in row))
        for image, row in zip(paths, outputs, strict=True)
    ]
    head = ("path", "class", "probability", *(f"p({name})" for name in names))
    with whole(path) as part:
        write_table(part, head, rows)


def _say_labels(
    paths: list[str], names: tuple[str, ...], outputs: np.ndarray, arguments: argparse.Namespace
) -> None:
    """Prints the labels of each image, those with a probability above ½."""
    given = [[name for name, p in zip(names, row, strict=True) if p > 0.5] for row in outputs]
    if arguments.out is not None:
        head = ("path", "labels", *(f"p({name})" for name in names))
        written = [
            (path, "; ".join(labels), *(f"{p:.6f}" for p in row))
            for path, labels, row in zip(paths, given, outputs, strict=True)
        ]
        with whole(Path(arguments.out).expanduser()) as part:
            write_table(part, head, written)
    if arguments.json:
        found = [
            {"path": path, "labels": labels, "probabilities": _by_name(names, row)}
            for path, labels, row in zip(paths, given, outputs, strict=True)
        ]
        print(strict_json(found, indent=2))
        return
    if arguments.out is not None:
        print(f"The labels of {len(paths)} images are in {arguments.out}")
        return
    rows = [(path, "; ".join(labels) or "–") for path, labels in zip(paths, given, strict=True)]
    print(aligned([("image", "labels"), *rows], left=2))


def sound(files: ImageFiles, arguments: argparse.Namespace, skipped: Counter[str]) -> ImageFiles:
    """Returns the images that can be decoded, and says what was read and what was skipped."""
    readable = files.readable(files.size)
    unreadable = describe_unreadable(files.paths[~readable].tolist())
    if not readable.any() or (arguments.strict and not readable.all()):
        raise ValueError(unreadable)
    said = sys.stderr if arguments.json else sys.stdout
    noun = "image" if readable.sum() == 1 else "images"
    sizes, left_out = describe_sizes(files.paths.tolist()), describe_left_out(skipped)
    print(f"read {readable.sum()} {noun}, {sizes}{left_out}", file=said)
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
