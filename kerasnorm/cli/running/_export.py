"""Runs `kerasnorm export`."""

import argparse

import numpy as np

from kerasnorm.cli._export import out_path
from kerasnorm.cli._predict import find_images
from kerasnorm.cli.running._predict import image_size_of
from kerasnorm.data import describe_unreadable
from kerasnorm.imbalance import ImageFiles
from kerasnorm.recipe import Run
from kerasnorm.recipe.examples import read_examples


def run_export(arguments: argparse.Namespace) -> None:
    """Writes the model of a run for another runtime, and prints how it compares."""
    run = Run.load(arguments.run_folder)
    images = None if arguments.verify is None else _read_images(arguments, run)
    settings = {"quantize": arguments.quantize, "overwrite": arguments.overwrite}
    print(run.export(out_path(arguments), arguments.to, verify=images, **settings))


def _read_images(arguments: argparse.Namespace, run: Run) -> np.ndarray:
    size = image_size_of(arguments, run.model.input_shape)
    found, _ = find_images([arguments.verify])
    count = min(arguments.images, len(found))
    chosen = [found[index] for index in np.linspace(0, len(found) - 1, count).astype(int)]
    files = ImageFiles(chosen, np.zeros(count, int), run.class_names, size)
    readable = files.readable(count)
    if not readable.all():
        raise ValueError(describe_unreadable(files.paths[~readable].tolist()))
    return np.concatenate([x for x, _ in read_examples("--verify", files, 4).batches()])
