"""Stores measured transfers in a folder."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from kerasnorm._claims import LOCK, PART, claimed, parts_of, remove
from kerasnorm._files import whole
from kerasnorm._types import StrPath

_CONTENTS = "contents.json"

Transfer = tuple[tuple[str, ...], str]


class Records:
    """The losses of each transfer on the held-out examples, in memory, and in a folder if given.

    Each transfer is a file, written completely or not at all. `contents.json` describes the data,
    so that transfers of different data never mix.

    Args:
        directory: Folder, made if it is not there; None: memory only.
        contents: Descriptions by name, of all that the losses depend on.

    Raises:
        ValueError: If the folder is of something else. Names that only one of the two has are no
            contradiction: encoders and tasks may be added.
    """

    def __init__(self, directory: StrPath | None, contents: Mapping[str, Any]) -> None:
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

    def claimed(self) -> contextlib.AbstractContextManager[None]:
        """Returns a context in which this process alone measures; InUseError if another does."""
        if self._directory is None:
            return contextlib.nullcontext()
        return claimed(self._directory / _CONTENTS)

    def clean(self, features: Path) -> None:
        """Removes what killed processes left in the folder that this one has claimed.

        Args:
            features: What they kept features in.
        """
        if self._directory is not None:
            for path in (features, *self._directory.glob("*.npy")):
                for left in parts_of(path, of_the_dead=True):
                    remove(left)

    def __contains__(self, transfer: Transfer) -> bool:
        return transfer in self._losses or (
            self._directory is not None and self._path(transfer).exists()
        )

    def __getitem__(self, transfer: Transfer) -> np.ndarray:
        if transfer not in self._losses:
            self._losses[transfer] = _load(self._path(transfer))
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


def _load(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(
            f"'{path}' is damaged: {error}. Remove it, and the transfer is measured again."
        ) from error


def _read_contents(directory: Path) -> dict[str, Any]:
    path = directory / _CONTENTS
    if path.exists():
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"'{path}' is damaged: {error}. Give another directory, or delete this one."
            ) from error
    others = [each.name for each in directory.iterdir()]
    if any(not (name.startswith(PART) or name.endswith(LOCK)) for name in others):
        raise ValueError(
            f"`directory` '{directory}' holds files, and no '{_CONTENTS}' of transfers. Give an "
            "empty or new one."
        )
    return {}
