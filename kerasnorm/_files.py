"""Writes files and folders completely or not at all."""

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from kerasnorm._claims import PART, claimed, part_of, parts_of, remove
from kerasnorm._existing import RUN_FILES
from kerasnorm._types import StrPath
from kerasnorm._validation import listed

__all__ = ["PART", "check_output", "staged", "whole"]


@contextlib.contextmanager
def whole(path: StrPath) -> Iterator[Path]:
    """Yields the path of a new file that takes the place of `path` if all goes well.

    It is in the same folder, its name ends as that of `path` does, and begins with `PART`. If
    anything is raised inside, what was written is removed and `path` is as it was. Processes that
    write the same file do not meet. What one that is killed leaves behind goes when the file is
    written again. A symbolic link stays one: the file that it leads to is replaced.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(Path(folder, "notes.txt")) as part:
    ...         _ = part.write_text("whole")
    ...     Path(folder, "notes.txt").read_text()
    'whole'
    """
    path = Path(path)
    path = path.resolve() if path.is_symlink() else path
    for left in parts_of(path, of_the_dead=True):
        remove(left)
    part = part_of(path)
    try:
        yield part
        _to_disk(part)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):  # never made, or on a disk that is gone
            part.unlink()
        raise


def _to_disk(path: Path) -> None:
    """Waits until a file is where a power failure leaves it."""
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


@contextlib.contextmanager
def staged(
    output: StrPath, overwrite: bool = False, own: Collection[str] = RUN_FILES
) -> Iterator[Path]:
    """Yields an empty folder beside `output` that takes its place if all goes well.

    If anything is raised inside, what was written is removed and `output` is as it was. No other
    process can write to `output` meanwhile, and what a killed one left beside it is removed. Of an
    overwritten folder, files that are not of a run stay, and symbolic links stay such.

    Args:
        output: Where the folder will be; missing folders above it are made. Where it is a symbolic
            link, what that leads to.
        overwrite: whether it may exist already and not be empty.
        own: names of the files that do not outlive the run that they are of. A folder with content
            has one of them at least, or is of something else, and stays.

    Raises:
        FileExistsError: if `output` is a file, a folder with content and not `overwrite` or of
            something else, a mount point, or one that holds the working directory or home.
        InUseError: if another process is writing to `output`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with staged(Path(folder, "run")) as stage:
    ...         _ = Path(stage, "result.txt").write_text("whole")
    ...     Path(folder, "run", "result.txt").read_text()
    'whole'
    """
    output = Path(output).expanduser().resolve()
    check_output(output, overwrite, own)
    with _parents(output), claimed(output):
        recover(output)
        check_output(output, overwrite, own)
        scratch = part_of(output)
        stage = scratch / "new"
        try:
            stage.mkdir(parents=True)
            yield stage
            _take_place(stage, output, scratch / "old", own)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)  # what is left goes at the next start


@contextlib.contextmanager
def _parents(output: Path) -> Iterator[None]:
    """Makes the folders above one, and removes them again if anything is raised inside."""
    missing = [parent for parent in output.parents if not parent.exists()]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in missing:
            with contextlib.suppress(OSError):  # somebody else put something there
                parent.rmdir()
        raise


def recover(output: Path) -> None:
    """Removes what killed processes left beside a folder that this one has claimed.

    One that was killed while it replaced the folder had put the old one aside: that comes back.
    """
    for scratch in parts_of(output):
        old = scratch / "old"
        if old.is_dir() and not output.exists():
            old.rename(output)
        remove(scratch)


def check_output(output: Path, overwrite: bool, own: Collection[str] = RUN_FILES) -> None:
    """Refuses what cannot be replaced: files, folders of other things, and those one works in.

    Args:
        output: where a folder is to be.
        overwrite: whether it may exist already and not be empty.
        own: names, one of which a folder that may be replaced has.

    Raises:
        FileExistsError: That says why.
    """
    if not output.exists():
        return
    if not output.is_dir():
        raise FileExistsError(f"The output {str(output)!r} is a file; it should be a folder.")
    output = output.resolve()
    why = _why_it_stays(output)
    if why is not None:
        raise FileExistsError(
            f"The output folder {str(output)!r} is {why}, and would be replaced whole. Name a new "
            f"folder, such as {str(output / 'run')!r}."
        )
    names = {each.name for each in output.iterdir()}
    if names and not overwrite:
        raise FileExistsError(
            f"The output folder {str(output)!r} exists. Choose another, or overwrite it "
            "(`overwrite=True`, --overwrite)."
        )
    if names and names.isdisjoint(own):
        raise FileExistsError(
            f"The output folder {str(output)!r} holds {listed(sorted(names), most=3)}, and nothing "
            f"that this would replace, such as {sorted(own)[0]!r}. Choose a new folder or an empty "
            "one."
        )


def _why_it_stays(folder: Path) -> str | None:
    """Returns why a folder is not to be replaced, whatever is in it."""
    for name, inside in (("working directory", os.getcwd()), ("home", os.path.expanduser("~"))):
        if folder == Path(inside).resolve():
            return f"your {name}"
        if folder in Path(inside).resolve().parents:
            return f"above your {name}"
    return "a mount point" if os.path.ismount(folder) else None


def _take_place(stage: Path, output: Path, old: Path, own: Collection[str]) -> None:
    """Renames `stage` to `output`; what was there comes back if that fails."""
    if not output.exists():
        stage.rename(output)
        return
    for kept in output.iterdir():
        target = stage / kept.name
        if kept.name in own or kept.name.startswith(PART) or os.path.lexists(target):
            continue
        if kept.is_dir() and not kept.is_symlink():
            shutil.copytree(kept, target, symlinks=True, copy_function=_link)
        else:
            _link(kept, target)
    output.rename(old)
    try:
        stage.rename(output)
    except OSError:
        old.rename(output)
        raise


def _link(source: StrPath, target: StrPath) -> None:
    """Gives a file a second name, which costs no space; a copy where that cannot be."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
