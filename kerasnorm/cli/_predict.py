"""`kerasnorm predict`."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from kerasnorm._table import aligned
from kerasnorm._validation import as_int
from kerasnorm.cli._command import add_command
from kerasnorm.cli._maps import write_maps
from kerasnorm.data import IMAGES, images_in
from kerasnorm.imbalance import ImageFiles
from kerasnorm.models import gives_logits, gives_maps
from kerasnorm.problems import describe_unreadable
from kerasnorm.recipe import Run
from kerasnorm.recipe.examples import read_examples
from kerasnorm.recipe.results import probabilities

_EXAMPLES = """examples:
  kerasnorm predict run photos/new/
  kerasnorm predict run 1.jpg 2.jpg --json
  kerasnorm predict run scenes/new/ --masks found/
"""


def add_predict(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = add_command(
        commands,
        "predict",
        _predict,
        "say of which class images, or their pixels, are, by the model of a run",
        _EXAMPLES,
    )
    add = parser.add_argument
    add("run_folder", metavar="RUN", help="the folder that `kerasnorm fit` wrote")
    add("images", metavar="IMAGES", nargs="+", help="image files, and folders of them")
    add("--batch-size", type=int, default=32)
    add("--image-size", type=int, metavar="PIXELS", help="of models that take any size")
    add("--masks", metavar="DIR", help="of label maps: folder for a .png of class numbers an image")
    add("--json", action="store_true", help="print JSON: all probabilities, or shares of pixels")


def _predict(arguments: argparse.Namespace) -> None:
    run = Run.load(arguments.run_folder)
    size = _image_size(arguments, run.model.input_shape)
    paths = _find(arguments.images)
    names = _class_names(run)
    files = ImageFiles(paths, np.zeros(len(paths), int), names, size)
    readable = files.readable()
    if not readable.all():
        raise ValueError(describe_unreadable(files.paths[~readable].tolist()))
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


def _image_size(arguments: argparse.Namespace, shape: tuple) -> int:
    """Returns the size of the images that the model takes, or that is asked for if it takes any."""
    fits = len(shape) == 4 and shape[-1] == 3 and shape[1] == shape[2]
    size = arguments.image_size and as_int("--image-size", arguments.image_size, low=8)
    if not fits or size not in (None, shape[1] or size) or (size or shape[1]) is None:
        asked = "" if size is None else f", and --image-size {size}"
        raise ValueError(
            f"The model of {arguments.run_folder!r} should take square RGB images, of a size that "
            f"it says or --image-size does. Received: inputs of {shape}{asked}."
        )
    return size or shape[1]


def _class_names(run: Run) -> tuple[str, ...]:
    if run.evaluation is not None:
        return tuple(run.evaluation.class_names)
    return tuple(map(str, range(run.model.output_shape[-1])))


def _by_name(names: tuple[str, ...], row: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, row, strict=True)}


def _find(images: list[str]) -> list[str]:
    """Returns the image files that are named, and those in the folders that are."""
    found = []
    for name in images:
        path = Path(name)
        if path.is_dir():
            found += sorted(images_in(path))
        elif path.is_file():
            found.append(name)
        else:
            raise FileNotFoundError(f"There is no file or folder {name!r}.")
    if not found:
        raise ValueError(f"There are no images ({', '.join(IMAGES)}) in {', '.join(images)}.")
    return found
