"""Keeps two processes from writing the same files, and finds leftovers of killed ones."""

import contextlib
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

PART = ".part-"  # begins the names of files and folders that are not whole yet
LOCK = "-lock"  # ends the names of the files that processes lock
_held: set[Path] = set()  # by this process: its own locks do not keep it out


class InUseError(OSError, ValueError):
    """Another process writes to the same place."""


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Keeps others from writing a file or folder while the context lasts, in any process.

    A lock of the operating system on a file beside `path`, which ends with the process, however
    that ends.

    Args:
        path: Need not exist; its folder does.

    Raises:
        InUseError: If somebody else has claimed it.
    """
    lock = path.resolve().with_name(f".{path.name}{LOCK}")
    if lock in _held:
        raise InUseError(_in_use(path, f"this one, {os.getpid()}"))
    file = _locked(lock, path)
    _held.add(lock)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # on a disk that is gone
            lock.unlink()
        os.close(file)
        _held.discard(lock)


def _locked(lock: Path, path: Path) -> int:
    """Returns an open, locked file that has that name."""
    while True:
        file = _opened(lock)
        try:
            _lock(file)
            if os.path.samestat(os.stat(lock), os.fstat(file)):
                os.ftruncate(file, 0)
                os.write(file, str(os.getpid()).encode())
                return file
        except FileNotFoundError:  # its last holder has just removed it
            pass
        except (BlockingIOError, PermissionError) as error:
            holder = os.read(file, 20).decode(errors="replace")
            os.close(file)
            raise InUseError(_in_use(path, holder or "unknown")) from error
        os.close(file)


def _opened(lock: Path) -> int:
    """Returns the open file, made where it is not there.

    Raises:
        OSError: That names the folder, if nothing can be written there.
    """
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise type(error)(
            error.errno,
            f"Nothing can be written to '{lock.parent}': {error.strerror}. Give leave to write "
            "there, or choose another folder",
        ) from error


def _lock(file: int) -> None:
    try:
        if sys.platform == "win32":
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        raise
    except OSError as error:  # some network file systems have none
        warnings.warn(
            f"This file system has no locks ({error.strerror}): see to it that no other process "
            "writes to the same folder.",
            stacklevel=6,
        )


def _in_use(path: Path, holder: str) -> str:
    return (
        f"'{path}' is in use: another training of process {holder} writes to it. Wait until that "
        "has ended, or choose another folder."
    )


def part_of(path: Path) -> Path:
    """Returns where this process writes what is to become `path`."""
    return path.with_name(f"{PART}{os.getpid()}-{path.name}")


def parts_of(path: Path, *, of_the_dead: bool = False) -> list[Path]:
    """Returns what processes have written that was to become `path`.

    Args:
        path: The file or folder.
        of_the_dead: Whether to leave out those whose process still runs on this machine.
            Defaults to False.
    """
    pattern = re.compile(rf"{re.escape(PART)}(\d+)-{re.escape(path.name)}")
    names = [(pattern.fullmatch(name), name) for name in os.listdir(path.parent)]
    return [
        path.with_name(name)
        for match, name in names
        if match and not (of_the_dead and _runs(int(match[1])))
    ]


def _runs(process: int) -> bool:
    if sys.platform == "win32":  # a signal would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def remove(path: Path) -> None:
    """Removes a file, a folder with all in it, or a symbolic link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
