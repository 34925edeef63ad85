"""Writes files and folders that are whole or absent."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasnorm._types import StrPath

PART = ".part-"  # begins the names of files that are not whole yet


@contextlib.contextmanager
def whole(path: StrPath) -> Iterator[Path]:
    """Yields the path of a new file that takes the place of `path` if all goes well.

    It is in the same folder, its name ends as that of `path` does, and begins with `PART`. If
    anything is raised inside, what was written is removed and `path` is as it was. Processes that
    write the same file do not meet; one that is killed leaves its part behind.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(Path(folder, "notes.txt")) as part:
    ...         _ = part.write_text("whole")
    ...     Path(folder, "notes.txt").read_text()
    'whole'
    """
    path = Path(path)
    part = path.with_name(f"{PART}{os.getpid()}-{path.name}")
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):  # never made, or on a disk that is gone
            part.unlink()
        raise


def write_json(path: StrPath, content: Any) -> None:
    """Writes JSON, all or nothing."""
    with whole(path) as part:
        part.write_text(json.dumps(content), encoding="utf-8")


@contextlib.contextmanager
def staged(output: StrPath, overwrite: bool = False) -> Iterator[Path]:
    """Yields an empty folder beside `output` that takes its place if all goes well.

    If anything is raised inside, what was written is removed and `output` is as it was. Files in
    an overwritten folder that are not written again stay there.

    Args:
        output: where the folder will be; missing folders above it are made.
        overwrite: whether it may exist already and not be empty.

    Raises:
        FileExistsError: if `output` is a file, or a folder with content and not `overwrite`.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with staged(Path(folder, "run")) as stage:
    ...         _ = Path(stage, "result.txt").write_text("whole")
    ...     Path(folder, "run", "result.txt").read_text()
    'whole'
    """
    output = Path(output).expanduser().resolve()
    check_output(output, overwrite)
    missing = [parent for parent in output.parents if not parent.exists()]
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
            stage = Path(scratch, "new")
            stage.mkdir()
            yield stage
            _take_place(stage, output, Path(scratch, "old"))
    except BaseException:
        for parent in missing:
            with contextlib.suppress(OSError):  # somebody else put something there
                parent.rmdir()
        raise


def check_output(output: Path, overwrite: bool) -> None:
    """Refuses a file, and a folder with content that is not to be overwritten."""
    if output.exists() and not output.is_dir():
        raise FileExistsError(f"The output {str(output)!r} is a file; it should be a folder.")
    if output.is_dir() and any(output.iterdir()) and not overwrite:
        raise FileExistsError(
            f"The output folder {str(output)!r} exists. Choose another, or overwrite it "
            "(`overwrite=True`, --overwrite)."
        )


def _take_place(stage: Path, output: Path, old: Path) -> None:
    """Renames `stage` to `output`; what was there comes back if that fails."""
    if not output.exists():
        stage.rename(output)
        return
    for kept in output.iterdir():
        if not Path(stage, kept.name).exists():
            copy = shutil.copytree if kept.is_dir() else shutil.copy2
            copy(kept, Path(stage, kept.name))
    output.rename(old)
    try:
        stage.rename(output)
    except OSError:
        old.rename(output)
        raise
