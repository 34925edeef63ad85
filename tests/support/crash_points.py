"""What a folder would be left as, were a process killed at any of its file operations.

A kill leaves on disk what was there at that moment. So one undisturbed work is enough: before and
after each operation that changes a file, its folder is copied, and each copy can be restarted from.
"""

import builtins
import contextlib
import hashlib
import io
import os
import re
import shutil
from pathlib import Path

from kerasnorm._claims import PART

OPERATIONS = ("replace", "rename", "unlink", "remove", "rmdir", "mkdir", "link")
DEAD = 2**22 + 1  # no process has this number
_real = {name: getattr(os, name) for name in OPERATIONS} | {"open": os.open}
_opens = builtins.open, io.open


class CrashPoints:
    """Copies a folder around each file operation below it.

    Attributes:
        count: how many points there were: two for each operation.
        states: path of a copy by the point's name, one for each state that differs.
    """

    def __init__(self, folder, copies):
        self.folder, self.copies = Path(folder), Path(copies)
        self.count, self.states, self._seen = 0, {}, set()

    def note(self, when):
        self.count += 1
        with _as_ever():
            signature = _signature(self.folder)
            if signature in self._seen:
                return
            self._seen.add(signature)
            copy = self.copies / str(len(self._seen))
            shutil.copytree(self.folder, copy / self.folder.name, symlinks=True)
            _bury(copy)
        self.states[f"{self.count} {when}"] = copy / self.folder.name

    def around(self, name, real, concerns):
        def call(*arguments, **kwargs):
            if not concerns(arguments, kwargs) or not _is_below(arguments[0], self.folder):
                return real(*arguments, **kwargs)
            where = f"{name} {Path(os.fspath(arguments[0])).name}"
            self.note(f"before {where}")
            result = real(*arguments, **kwargs)
            self.note(f"after {where}")
            return result

        return call

    @contextlib.contextmanager
    def __call__(self):
        for name in OPERATIONS:
            setattr(os, name, self.around(name, _real[name], lambda *_: True))
        os.open = self.around("open", _real["open"], lambda a, k: a[1:] and a[1] & os.O_CREAT)
        builtins.open = io.open = self.around("open", _opens[0], _writes)
        try:
            yield self
        finally:
            _restore()


def _writes(arguments, kwargs):
    mode = kwargs.get("mode", arguments[1] if len(arguments) > 1 else "r")
    return any(letter in mode for letter in "wax+")


def _is_below(path, folder):
    if not isinstance(path, str | os.PathLike):  # a file descriptor
        return False
    return os.path.abspath(path).startswith(f"{folder}{os.sep}")


def _restore():
    for name, real in _real.items():
        setattr(os, name, real)
    builtins.open, io.open = _opens


@contextlib.contextmanager
def _as_ever():
    patched = {name: getattr(os, name) for name in _real}
    opens = builtins.open, io.open
    _restore()
    try:
        yield
    finally:
        for name, function in patched.items():
            setattr(os, name, function)
        builtins.open, io.open = opens


def _signature(folder):
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        digest.update(str(path.relative_to(folder)).encode())
        if path.is_file() and not path.is_symlink():
            digest.update(path.read_bytes())
    return digest.digest()


def _bury(folder):
    """Gives what this process has left to a dead one."""
    for path in sorted(folder.rglob(f"{PART}{os.getpid()}-*"), reverse=True):
        path.rename(path.with_name(re.sub(r"\d+", str(DEAD), path.name, count=1)))
