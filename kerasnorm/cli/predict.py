"""`kerasnorm predict`."""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from kerasnorm.cli.command import add_command
from kerasnorm.imbalance import ImageFiles
from kerasnorm.imbalance._folders import IMAGES, images_in
from kerasnorm.recipe import Run
from kerasnorm.recipe.calibration import probabilities
from kerasnorm.recipe.folder import describe_unreadable
from kerasnorm.recipe.reading import read_examples
from kerasnorm.surgery.heads import gives_logits
from kerasnorm.surgery.table import aligned

_EXAMPLES = """examples:
  kerasnorm predict run photos/new/
  kerasnorm predict run 1.jpg 2.jpg --json
"""


def add_predict(commands: Any) -> None:
    """Adds the command to a parser's commands."""
    parser = add_command(
        commands,
        "predict",
        _predict,
        "say of which class images are, by the model of a run",
        _EXAMPLES,
    )
    add = parser.add_argument
    add("run_folder", metavar="RUN", help="the folder that `kerasnorm fit` wrote")
    add("images", metavar="IMAGES", nargs="+", help="image files, and folders of them")
    add("--batch-size", type=int, default=32)
    add("--json", action="store_true", help="print JSON: all probabilities of each image")


def _predict(arguments: argparse.Namespace) -> None:
    run = Run.load(arguments.run_folder)
    shape = run.model.input_shape
    if len(shape) != 4 or shape[-1] != 3 or shape[1] != shape[2] or shape[1] is None:
        raise ValueError(
            f"The model of {arguments.run_folder!r} should take square RGB images. "
            f"Received: inputs of {shape}."
        )
    paths = _find(arguments.images)
    names = _class_names(run)
    files = ImageFiles(paths, np.zeros(len(paths), int), names, shape[1])
    readable = files.readable()
    if not readable.all():
        raise ValueError(describe_unreadable(files.paths[~readable].tolist()))
    found = read_examples("images", files, 4, arguments.batch_size).outputs(run.model)
    outputs = np.concatenate([outputs for _, outputs in found])
    outputs = probabilities(outputs, gives_logits(run.model))
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
