"""Saves the backup of one training to a file that each epoch replaces."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from kerasnorm._claims import claimed, parts_of, remove
from kerasnorm._types import StrPath
from kerasnorm.backups._fingerprints import as_json, check_fingerprint
from kerasnorm.backups._state_files import read_state, write_state

_FINGERPRINT, _SEED = "fingerprint", "seed"


class Backup:
    """Holds what a training needs to be resumed.

    One process at a time has it, between `opened`'s begin and end.

    Args:
        folder: Made where something is written.
        name: Of the file in it, without the suffix: one for each training. Defaults to "backup".

    Attributes:
        path: The file.
    """

    def __init__(self, folder: StrPath, name: str = "backup") -> None:
        self.folder: Path = Path(folder).expanduser()
        self.path: Path = self.folder / f"{name}.npz"
        self.features: Path = (
            self.folder / "features"
        )  # a folder that is not to outlive its process
        self._parts: list[Backup] = []
        self._also: dict[str, Any] = {}
        self._fingerprint: dict[str, Any] = {}
        self._seed: int | None = None

    def part(self, name: str) -> "Backup":
        """Returns the backup of one of several trainings, beside this one."""
        part = Backup(self.folder, f"{self.path.stem}-{quote(name, safe=' ')}")
        part.clean()
        self._parts.append(part)
        return part

    def seed(self, given: int | None) -> int:
        """Returns the seed given, or that of the training that is there, or a new one."""
        if given is None and self._seed is None and self.path.exists():
            self._seed = read_state(self.path)[_SEED]
        if given is None and self._seed is None:
            self._seed = int(np.random.randint(2**31))
        return self._seed if given is None else given

    def decided_by(self, **parts: Any) -> None:
        """Adds to the fingerprint, before `begin`."""
        self._also |= parts

    def begin(self, **parts: Any) -> Any:
        """Returns the state that the training is to be resumed from; None if it begins.

        Args:
            **parts: All that decides the result, by name, as JSON has it.

        Raises:
            ValueError: If the file is damaged, or of a training that something else decides.
        """
        self._fingerprint = as_json({**parts, **self._also})
        if not self.path.exists():
            return None
        content = read_state(self.path)
        check_fingerprint(self.path, content[_FINGERPRINT], self._fingerprint)
        return content["state"]

    def write(self, state: Mapping[str, Any], seed: int | None) -> None:
        """Replaces the state.

        Raises:
            OSError: If it cannot be written, as on a full disk; the one before stays.
        """
        content = {_FINGERPRINT: self._fingerprint, _SEED: seed, "state": state}
        try:
            write_state(self.path, content)
        except OSError as error:
            raise OSError(
                f"The backup '{self.path}' cannot be written: {error.strerror or error}. The "
                "last backup is intact: free some space, or allow writing there, and start again "
                "to resume."
            ) from error

    def remove(self) -> None:
        """Removes the file, once the result stands, and those of its parts."""
        for each in (*self._parts, self):
            each.path.unlink(missing_ok=True)

    def clean(self) -> None:
        """Removes what killed processes left in the folder."""
        for path in (self.path, self.features):
            for left in parts_of(path):
                remove(left)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes out of the file, and removes what killed ones left of it.

        Raises:
            InUseError: If another process has it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with claimed(self.path):
            self.clean()
            yield


@contextlib.contextmanager
def opened(backup: StrPath | Backup | None) -> Iterator[Backup | None]:
    """Yields the backup in a folder, for this process alone; one that is open already as it is.

    What a killed process left in the folder is removed; the folder too, if it is empty in the end.
    A backup that this has opened is removed if all goes well: the caller then has the result.

    Raises:
        InUseError: If another process has it.
    """
    if backup is None or isinstance(backup, Backup):
        yield backup
        return
    new = Backup(backup)
    folder = new.folder
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        with new.held():
            yield new
            new.remove()
    finally:
        with contextlib.suppress(OSError):  # not empty
            for each in missing or [folder]:
                each.rmdir()
