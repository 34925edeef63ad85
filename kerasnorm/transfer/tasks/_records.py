"""What has been measured already, in a file that outlives the process."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasnorm._claims import LOCK, PART, part_of, parts_of, remove
from kerasnorm._types import StrPath
from kerasnorm.backups import Backup, check_fingerprint

Transfer = tuple[tuple[str, ...], str]


class Records:
    """The losses of each transfer on the held-out examples, in memory, and in a file if given.

    The file is a backup, replaced whole after each transfer. It stays when all are measured, for
    further encoders and tasks.

    Args:
        directory: folder, made where something is written; None: memory only.
        fixed: descriptions by name, of what all losses depend on.
        parts: descriptions by name, of encoders and tasks: more of them may be added.

    Attributes:
        features: folder for features that are not to outlive the process; None without a directory.

    Raises:
        ValueError: if the file is damaged, of something else, or the folder holds other files.
    """

    def __init__(
        self, directory: StrPath | None, fixed: Mapping[str, Any], parts: Mapping[str, Any]
    ) -> None:
        self._losses: dict[Transfer, np.ndarray] = {}
        self._backup = None if directory is None else Backup(directory, "transfers")
        self._fixed, self._parts = fixed, dict(parts)
        self.features: Path | None = None
        if self._backup is not None:
            self._features = self._backup.folder / "transfers-features"
            self.features = part_of(self._features)
            self._read(self._backup)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Lets this process alone measure; InUseError if another does."""
        if self._backup is None:
            yield
            return
        with self._backup.held():
            for left in parts_of(self._features, of_the_dead=True):
                remove(left)
            self._read(self._backup)  # what another process has measured meanwhile
            yield

    def _read(self, backup: Backup) -> None:
        _check_folder(backup)
        state = backup.begin(**self._fixed)
        if state is None:
            return
        began = state["parts"]
        now = {name: self._parts.get(name, each) for name, each in began.items()}
        check_fingerprint(backup.path, began, now)
        self._parts = {**began, **self._parts}
        self._losses = state["losses"] | self._losses

    def __contains__(self, transfer: Transfer) -> bool:
        return transfer in self._losses

    def __getitem__(self, transfer: Transfer) -> np.ndarray:
        return self._losses[transfer]

    def __setitem__(self, transfer: Transfer, losses: np.ndarray) -> None:
        self._losses[transfer] = losses
        if self._backup is not None:
            self._backup.write({"parts": self._parts, "losses": self._losses}, seed=None)


def _check_folder(backup: Backup) -> None:
    """Refuses a folder of something else, or of the several files of an older version."""
    if backup.path.exists() or not backup.folder.exists():
        return
    if not backup.folder.is_dir():
        raise NotADirectoryError(f"`directory` '{backup.folder}' is a file; give a folder.")
    names = [each.name for each in backup.folder.iterdir()]
    if any(not name.startswith(PART) and not name.endswith(LOCK) for name in names):
        raise ValueError(
            f"`directory` '{backup.folder}' holds files, and no '{backup.path.name}' of transfers. "
            "Give an empty or new one."
        )
