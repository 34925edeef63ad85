"""Writes how a run came about into its folder."""

import argparse
import csv
import json
import platform
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import kerasnorm
from kerasnorm.backups import versions
from kerasnorm.recipe import Run
from kerasnorm.recipe.results import LabelPredictions, PixelCounts, Predictions

ABOUT, IMAGES = "about.json", "images.csv"
PARTS = ("train", "validation", "test")


def about(arguments: argparse.Namespace, read: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Returns the command, what it read, seeds and versions, as JSON has it."""
    return {
        "command": shlex.join(["kerasnorm", *arguments.argv]),
        "folder": str(Path.cwd()),
        "data": str(Path(arguments.data).absolute()) if arguments.data != "digits" else "digits",
        "read": read,
        "seeds": list(seeds),
        "versions": {"kerasnorm": kerasnorm.__version__, "python": platform.python_version()}
        | versions(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def in_words(content: dict[str, Any]) -> dict[str, str]:
    """Returns the same as it reads in the report."""
    texts = {}
    for key, value in content.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {each}" for name, each in value.items())
        elif isinstance(value, list):
            value = ", ".join(map(str, value))
        texts[key] = str(value)
    return texts


def write_about(
    folder: Path, content: dict[str, Any], run: Run, parts: Sequence[Any], names: Sequence[str]
) -> None:
    """Writes about.json, labels.txt, images.csv (which image is in which part) and predictions.csv.

    Args:
        folder: where to write.
        content: what `about` returned.
        run: whose predictions they are.
        parts: the examples for training, validation and test; the last may be None.
        names: of the classes.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    (folder / ABOUT).write_text(text, encoding="utf-8")
    labels = "".join(f"{' '.join(name.split())}\n" for name in names)
    (folder / "labels.txt").write_text(labels, encoding="utf-8")
    rows = []
    for part, images in zip(PARTS, parts, strict=True):
        for path, label in _images(images, names):
            rows.append((path, label, part))
    if rows:
        write_table(folder / IMAGES, ("path", "class", "part"), rows)
    held_out = parts[2] if parts[2] is not None else parts[1]
    table = prediction_rows(run, files_of(held_out), names)
    if table is not None:
        write_table(folder / "predictions.csv", *table)


def trained_on(run: Path) -> set[str]:
    """Returns the absolute paths of the images that the model of a run, or its file, has seen."""
    folder = run if run.is_dir() else run.parent
    if not (folder / IMAGES).is_file() or not (folder / ABOUT).is_file():
        return set()
    began = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["folder"]
    with (folder / IMAGES).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {str(Path(began, row["path"])) for row in rows if row["part"] != "test"}


def prediction_rows(
    run: Run, files: Sequence[str] | None, names: Sequence[str]
) -> tuple[tuple[str, ...], list[tuple]] | None:
    """Returns the head and the rows of the table of predictions; None if there are none."""
    found = run.predictions
    if found is None:
        return None
    paths = range(found.size) if files is None else files
    if isinstance(found, Predictions):
        said = [names[k] for k in found.predicted]
        true, sure = [names[k] for k in found.labels], [f"{each:.4f}" for each in found.confidence]
        return (
            ("path", "class", "predicted", "probability"),
            list(zip(paths, true, said, sure, strict=True)),
        )
    if isinstance(found, LabelPredictions):
        head = ("path", "labels", "predicted", *(f"p({name})" for name in names))
        given = (found.labels, found.probabilities > 0.5)
        said = zip(*([_joined(names, row) for row in rows] for rows in given), strict=True)
        shares = ([f"{p:.4f}" for p in row] for row in found.probabilities)
        columns = zip(paths, said, shares, strict=True)
        return head, [(path, *labels, *row) for path, labels, row in columns]
    return ("path", "pixels right"), [
        (path, f"{share:.4f}") for path, share in zip(paths, _right(found), strict=True)
    ]


def _joined(names: Sequence[str], row: np.ndarray) -> str:
    return "; ".join(names[k] for k in np.flatnonzero(row))


def _right(found: PixelCounts) -> Iterable[float]:
    return [counts.trace() / max(counts.sum(), 1) for counts in found.confusions]


def files_of(images: Any) -> list[str] | None:
    """Returns the paths of images in files, or None."""
    paths = getattr(images, "paths", None)
    return None if paths is None else [str(path) for path in paths]


def _images(images: Any, names: Sequence[str]) -> list[tuple[str, str]]:
    files = files_of(images)
    if files is None:
        return []
    if images.labels.ndim != 1:  # several in an image
        said = [_joined(names, row) for row in images.labels]
        return list(zip(files, said, strict=True))
    return [(path, names[label]) for path, label in zip(files, images.labels, strict=True)]


def write_table(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a table as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
