"""Where decoded images are kept between runs, and how much room they may take."""

import contextlib
import hashlib
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Sequence

from kerasnorm._types import StrPath
from kerasnorm._validation import require
from kerasnorm.data._peeking import each_of

SUFFIX = ".kept-images"
_OF_FREE = 0.5  # the share of the free space that a file may take
_UNUSED = 30 * 24 * 3600  # seconds after which a file goes
_DECODED = 1  # another number whenever the same file decodes to other pixels


def kept_folder(folder: StrPath | None) -> pathlib.Path:
    """Returns the folder, which is made; None: the user's own one, in the temporary folder.

    Raises:
        PermissionError: If the one in the temporary folder is somebody else's.
    """
    if folder is not None:
        path = pathlib.Path(folder).expanduser()
        path.mkdir(parents=True, exist_ok=True)
        return path
    user = os.getuid() if hasattr(os, "getuid") else None  # on Windows each has its own folder
    name = "kerasnorm" if user is None else f"kerasnorm-{user}"
    path = pathlib.Path(tempfile.gettempdir(), name)
    path.mkdir(mode=0o700, exist_ok=True)
    if user is not None and (path.is_symlink() or path.stat().st_uid != user):
        raise PermissionError(
            f"{str(path)!r}, where decoded images are kept, should be a folder of yours. It is "
            "somebody else's: pass another one as `kept_in`, --kept-in, or by TMPDIR."
        )
    return path


def key_of(paths: Sequence[str], *kept: object) -> str:
    """Returns a name for what is decoded of files as they are now: paths, sizes and dates.

    Args:
        paths: The files.
        *kept: What else decides what is kept of them, such as its shape.
    """
    require("PIL")
    import PIL

    digest = hashlib.blake2b(repr((_DECODED, PIL.__version__, *kept)).encode(), digest_size=16)
    for path, state in zip(paths, each_of(paths, _state), strict=True):
        digest.update(f"{os.path.abspath(path)}\0{state}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:  # said where it is decoded
        return None
    return found.st_size, found.st_mtime_ns


def make_room(folder: pathlib.Path, path: pathlib.Path, length: int) -> int:
    """Returns how many bytes a file may take, after removing others that are in its way.

    Those go that no one has opened for a month, and, where this one would take more than half of
    the free space, those that have not been opened for longest.

    Args:
        folder: Where it is.
        path: Of the file, which may be there.
        length: Of the file in the end.
    """
    others = {other: _opened_last(other) for other in folder.glob(f"*{SUFFIX}") if other != path}
    missing = length - _on_disk(path)
    for other in sorted(others, key=others.__getitem__):
        old = others[other] < time.time() - _UNUSED
        if old or missing > _OF_FREE * shutil.disk_usage(folder).free:
            with contextlib.suppress(OSError):  # another process was faster, or maps it on Windows
                other.unlink()
    return int(_OF_FREE * shutil.disk_usage(folder).free)


def _opened_last(path: pathlib.Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _on_disk(path: pathlib.Path) -> int:
    try:
        found = path.stat()
    except OSError:
        return 0
    return getattr(found, "st_blocks", 0) * 512 or found.st_size
