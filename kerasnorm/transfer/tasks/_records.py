"""What has been measured already, in a folder that outlives the process."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from kerasnorm._files import whole
from kerasnorm._types import StrPath

_CONTENTS = "contents.json"

Transfer = tuple[tuple[str, ...], str]


class Records:
    """The losses of each transfer on the held-out examples, in memory, and in a folder if given.

    A file a transfer, whole or not there. `contents.json` says what they are of, by checksums, so
    that transfers of other data never mix.

    Args:
        directory: folder, made if it is not there; None: memory only.
        contents: checksums by name, of all that the losses depend on.

    Raises:
        ValueError: if the folder is of something else. Names that only one of the two has are no
            contradiction: encoders and tasks may be added.
    """

    def __init__(self, directory: StrPath | None, contents: Mapping[str, str]) -> None:
        self._losses: dict[Transfer, np.ndarray] = {}
        self._directory = None if directory is None else Path(directory)
        if self._directory is not None:
            self._directory.mkdir(parents=True, exist_ok=True)
            there = _read_contents(self._directory)
            differing = [key for key, text in contents.items() if there.get(key, text) != text]
            if differing:
                raise ValueError(
                    f"`directory` '{self._directory}' holds transfers with another "
                    f"{', another '.join(differing)}. Give another directory, or delete it."
                )
            with whole(self._directory / _CONTENTS) as part:
                part.write_text(json.dumps({**there, **contents}, indent=2), encoding="utf-8")

    def __contains__(self, transfer: Transfer) -> bool:
        return transfer in self._losses or (
            self._directory is not None and self._path(transfer).exists()
        )

    def __getitem__(self, transfer: Transfer) -> np.ndarray:
        if transfer not in self._losses:
            self._losses[transfer] = np.load(self._path(transfer), allow_pickle=False)
        return self._losses[transfer]

    def __setitem__(self, transfer: Transfer, losses: np.ndarray) -> None:
        if self._directory is not None:
            with whole(self._path(transfer)) as part:
                np.save(part, losses)
        self._losses[transfer] = losses

    def _path(self, transfer: Transfer) -> Path:
        sources, target = transfer
        names = "+".join(quote(source, safe="") for source in sources)
        return self._directory / f"{names},{quote(target, safe='')}.npy"


def checksum(arrays: Iterable[Any]) -> str:
    """Returns a checksum of arrays: their dtypes, shapes and bytes."""
    digest = hashlib.sha256()
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view("uint8"))
    return digest.hexdigest()


def _read_contents(directory: Path) -> dict[str, str]:
    path = directory / _CONTENTS
    if path.exists():
        return json.loads(path.read_text())
    if any(directory.iterdir()):
        raise ValueError(
            f"`directory` '{directory}' holds files, and no '{_CONTENTS}' of transfers. Give an "
            "empty or new one."
        )
    return {}
