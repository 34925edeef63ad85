"""Writes files and folders that are whole or absent."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def differences(began: Mapping[str, Any], plan: Mapping[str, Any]) -> tuple[str, str] | None:
    """Returns how a work began and what it is to be now where they differ, or None.

    >>> differences({"seed": 0, "epochs": 3}, {"seed": 0, "epochs": 4})
    ('epochs=3', 'epochs=4')
    """
    changed = [key for key in plan if began.get(key) != plan[key]]
    if not changed:
        return None
    before, now = (
        ", ".join(f"{key}={source.get(key)!r}" for key in changed) for source in (began, plan)
    )
    return before, now


def write_json(path: Path, content: Any) -> None:
    """Writes JSON, all or nothing."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    os.replace(part, path)


@contextlib.contextmanager
def staged(output: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
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
