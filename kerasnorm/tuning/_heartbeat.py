"""Finds which of several processes are alive, by files in a shared folder.

A process is alive as long as its file changes. This needs no synchronized clocks, no process
numbers of other machines, and no locks, which not every network file system has.
"""

import contextlib
import itertools
import math
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

_BEATS = 10  # in the time after which a silent process is considered lost
LOST = "The process that ran it was lost, twice."


class LostError(RuntimeError):
    """Raised in a process that the others consider lost."""


class Heartbeat:
    """Writes a process's signs of life, from a thread, inside of a `with`.

    Args:
        folder: Where all processes have their files; made if missing.
        name: This process's own.
        timeout: Seconds after which it is considered lost.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Heartbeat(Path(folder), "first", timeout=60):
    ...         sorted(Watch(Path(folder), timeout=60).alive())
    ['first']
    """

    def __init__(self, folder: Path, name: str, timeout: float) -> None:
        self._file = folder / name
        self.timeout = timeout
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text("0")
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._over.set()
        self._thread.join()
        self._file.unlink(missing_ok=True)

    def check(self) -> None:
        """Refuses to go on in a process that others took for lost: they have its trial now.

        Raises:
            LostError: That says so.
        """
        try:
            self._file.open().close()  # a network's file system remembers for a while what existed
        except FileNotFoundError as error:
            raise LostError(
                f"This process, '{self._file.name}', is considered lost, and its trial runs "
                f"elsewhere: it showed no sign of life for {self.timeout:g} s, or the chief was "
                "started again. Start this one again, too, with a longer `timeout` if it was slow."
            ) from error

    def _beat(self) -> None:
        for count in itertools.count(1):
            if self._over.wait(self.timeout / _BEATS):
                return
            # a folder of the network may be away for a moment; a removed file stays removed
            with contextlib.suppress(OSError), self._file.open("r+") as file:
                file.write(str(count))


class Watch:
    """Looks for the signs of life.

    Args:
        folder: Where the processes have their files.
        timeout: Seconds without a change after which a process is considered lost.
    """

    def __init__(self, folder: Path, timeout: float) -> None:
        self._folder, self._timeout = folder, timeout
        self._seen: dict[str, tuple[str | None, float]] = {}
        self._last = time.monotonic()

    def alive(self, expected: Collection[str] = ()) -> set[str]:
        """Returns the names of the processes that are; one that was never seen before counts.

        Args:
            expected: Names of processes that somebody heard of in another way. A folder of the
                network may show their files late.
        """
        now = time.monotonic()
        beats = self._beats()
        for name in {*beats, *expected, *self._seen}:
            beat = beats.get(name)
            if name in self._seen and self._seen[name][0] == beat:
                continue
            has_left = name in self._seen and beat is None
            self._seen[name] = (beat, -math.inf if has_left else now)
        self._last = max([self._last, *(since for _, since in self._seen.values())])
        return {name for name, (_, since) in self._seen.items() if now - since <= self._timeout}

    def _beats(self) -> dict[str, str]:
        beats = {}
        for path in self._folder.glob("*"):
            with contextlib.suppress(FileNotFoundError):  # it has just left
                beats[path.name] = path.read_text()
        return beats

    def silence(self) -> float:
        """Returns for how many seconds no process at all showed a sign of life."""
        return time.monotonic() - self._last

    def forget(self, name: str) -> None:
        """Tells a process, should it wake up, that it was considered lost."""
        (self._folder / name).unlink(missing_ok=True)

    def forget_all(self) -> None:
        """Tells so all processes that have ever been there."""
        for path in self._folder.glob("*"):
            self.forget(path.name)
