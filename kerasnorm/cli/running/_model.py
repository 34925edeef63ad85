"""Reads the model of a run, or one in a file, with the names of its classes."""

from collections.abc import Sequence
from pathlib import Path

from kerasnorm._types import StrPath
from kerasnorm._validation import listed
from kerasnorm.models import load_model
from kerasnorm.recipe import Recipe, Run

LABELS = "labels.txt"


def read_run(path: StrPath) -> tuple[Run, tuple[str, ...]]:
    """Returns the run in a folder, or one of a model's file alone; and the names of its classes.

    Raises:
        OSError: If there is no such folder or file.
        ValueError: If a file is damaged, or labels.txt has another number of names.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        run = Run.load(path)
        return run, run.class_names
    run = Run(load_model(path), {}, None, Recipe())
    labels = path.with_name(LABELS)
    if not labels.is_file():
        return run, run.class_names
    lines = labels.read_text(encoding="utf-8").splitlines()
    names = tuple(filter(None, map(str.strip, lines)))
    _check(names, len(run.class_names), labels)
    return run, names


def _check(names: Sequence[str], outputs: int, labels: Path) -> None:
    if len(names) != outputs:
        raise ValueError(
            f"{str(labels)!r} should name the {outputs} classes of the model, one a line. "
            f"Received: {len(names)}, {listed(names, most=5)}."
        )
