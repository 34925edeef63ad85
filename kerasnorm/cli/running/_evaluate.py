"""Runs `kerasnorm evaluate`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasnorm._existing import EDGES_FOLDER, IMAGES_FOLDER, holds_scenes, masks_folder_of
from kerasnorm._files import whole
from kerasnorm._validation import did_you_mean, listed
from kerasnorm.cli._data import columns_of
from kerasnorm.cli.running._about import (
    PARTS,
    files_of,
    prediction_rows,
    trained_on,
    write_table,
)
from kerasnorm.cli.running._job import console
from kerasnorm.cli.running._model import read_run
from kerasnorm.cli.running._predict import image_size_of, sound
from kerasnorm.data import read_images
from kerasnorm.imbalance import ImageFiles, SegmentationFolder
from kerasnorm.recipe import Run
from kerasnorm.recipe.examples import Outputs, read_examples
from kerasnorm.recipe.fitting import evaluated
from kerasnorm.recipe.results import Trial, table


def run_evaluate(arguments: argparse.Namespace) -> None:
    """Prints how well the model of a run does on other images."""
    run, names = read_run(arguments.run_folder)
    size = image_size_of(arguments, run.model.input_shape)
    images = _images(arguments, names, size)
    outputs = Outputs.of(run.model)
    examples = read_examples("DATA", images, 4, arguments.batch_size, outputs=outputs)
    counts = np.zeros(len(names), int) if run.evaluation is None else run.evaluation.train_counts
    evaluation, predictions = evaluated(run.model, examples, names, counts)
    judged = Run(run.model, {}, evaluation, run.recipe, predictions=predictions)
    found = prediction_rows(judged, files_of(images), names)
    if arguments.out is not None and found is not None:
        with whole(Path(arguments.out).expanduser()) as part:
            write_table(part, *found)
    if arguments.json:
        print(json.dumps(evaluation.to_dict(), indent=2))
        return
    title = f"{arguments.run_folder} on {arguments.data}, in %"
    console().print(table({"model": [Trial({}, evaluation, predictions)]}, title, most=len(names)))


def _images(arguments: argparse.Namespace, names: Sequence[str], size: int) -> Any:
    if holds_scenes(arguments.data):
        folder = masks_folder_of(arguments.data)
        given = {"ignore_class": arguments.ignore_class, "contours": folder == EDGES_FOLDER}
        scenes = SegmentationFolder(arguments.data, size, IMAGES_FOLDER, folder, **given)
        if folder == EDGES_FOLDER:
            return scenes
        if scenes.labels.shape[1] > len(names):
            raise ValueError(
                f"The masks of {arguments.data!r} have {scenes.labels.shape[1]} classes, and the "
                f"model {len(names)}. Perhaps --ignore-class is missing."
            )
        return scenes
    files = _of_part(read_images(arguments.data, columns_of(arguments)), arguments)
    unknown = [name for name in files.class_names if name not in names]
    if unknown:
        raise ValueError(
            f"{arguments.data!r} has the classes {listed(unknown, most=5)}, which the model does "
            f"not know.{did_you_mean(unknown[0], names)} It has {listed(names, most=20)}."
        )
    numbers = np.array([list(names).index(name) for name in files.class_names])
    if files.labels.ndim == 2:
        labels = np.zeros((files.size, len(names)), files.labels.dtype)
        labels[:, numbers] = files.labels
    else:
        labels = numbers[files.labels]
    known = ImageFiles(files.paths, labels, names, size)
    images = sound(known, arguments, files.skipped)
    seen = trained_on(Path(arguments.run_folder).expanduser())
    again = sum(str(Path(path).absolute()) in seen for path in images.paths.tolist())
    if again:
        print(
            f"kerasnorm: {again} of these {images.size} images were in the model's training or "
            "validation, so that the figures flatter it",
            file=sys.stderr,
        )
    return images


def _of_part(files: ImageFiles, arguments: argparse.Namespace) -> ImageFiles:
    parts, part = files.parts, arguments.part
    if parts is None and part is not None:
        raise ValueError(f"{arguments.data!r} has no parts: leave out --part.")
    if parts is None:
        return files
    there = [name for name in PARTS if (parts == name).any()]
    if part is None and "test" not in there:
        return files
    part = part or "test"
    if part not in there:
        raise ValueError(f"{arguments.data!r} has no part {part!r}. It has {listed(there)}.")
    said = sys.stderr if arguments.json else sys.stdout
    print(f"the {part} part of {arguments.data}", file=said)
    skipped = files.skipped
    chosen = files.subset(parts == part)
    chosen.skipped = skipped
    return chosen
