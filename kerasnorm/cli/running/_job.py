"""Runs a command as part of a job of several processes, or on several devices."""

import argparse
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
from rich.console import Console

from kerasnorm._files import staged
from kerasnorm.backups import versions
from kerasnorm.distribute import current_strategy, is_chief, prepare

_WIDTH = 120  # of what goes into a file


def check_device_found(arguments: argparse.Namespace) -> None:
    """Refuses a GPU that the backend does not find."""
    device = getattr(arguments, "device", "auto")
    if device.startswith("gpu") and not keras.distribution.list_devices("gpu"):
        raise ValueError(
            f"There is no GPU that {versions()['backend']} can use. Received: --device {device}. "
            "Leave it out, or install the backend with CUDA."
        )


def replicas() -> int:
    """Meets the other processes that TF_CONFIG names; returns the number of parts of a batch."""
    return getattr(current_strategy(), "num_replicas_in_sync", 1)


def preparing() -> Callable[[keras.Model], keras.Model] | None:
    """Returns what `fit` takes as `prepare`; None where one device trains alone."""
    return prepare if replicas() > 1 else None


@contextlib.contextmanager
def written(arguments: argparse.Namespace) -> Iterator[Path]:
    """Yields the folder that the command writes to; what others than the chief write is lost."""
    if is_chief():
        with staged(arguments.out, arguments.overwrite) as folder:
            yield folder
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def print_once(text: str) -> None:
    """Prints text as it is, on the chief alone."""
    if is_chief():
        print(text)


def console(stderr: bool = False) -> Console:
    """Returns where the command prints; others than the chief are silent."""
    made = Console(quiet=not is_chief(), stderr=stderr)
    if not made.is_terminal:
        made.width = max(made.width, _WIDTH)
    return made
