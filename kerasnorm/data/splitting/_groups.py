"""Keeps images of one group, such as a patient, in one part."""

import contextlib
import warnings
from collections.abc import Iterator

import numpy as np

from kerasnorm._validation import listed
from kerasnorm.data._image_files import ImageFiles

_FOLDS = 10  # of groups, some of which make a part


def together_of(files: ImageFiles, equal: list[list[int]]) -> np.ndarray:
    """Returns a number for each image, the same for those that should be in one part."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = np.arange(files.size)
    if files.groups is not None:
        _, at, group = np.unique(files.groups, return_index=True, return_inverse=True)
        first = at[group]
    pairs = [(same[0], other) for same in equal for other in same[1:]]
    one, other = np.array(pairs, int).reshape(-1, 2).T
    rows, columns = np.append(np.arange(files.size), one), np.append(first, other)
    graph = coo_array((np.ones(len(rows)), (rows, columns)), (files.size, files.size))
    return connected_components(graph, directed=False)[1]


def some_groups(
    files: ImageFiles,
    rows: np.ndarray,
    together: np.ndarray,
    share: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns the rows of groups that make about a share, with the classes as in the whole."""
    from sklearn.model_selection import StratifiedGroupKFold

    if not share:
        return rows[:0]
    labels, groups = files.labels[rows], together[rows]
    folds = min(max(_FOLDS, int(np.ceil(1 / share))), len(np.unique(groups)))
    deal = StratifiedGroupKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
    with quietly():
        dealt = [rows[held_out] for _, held_out in deal.split(rows, labels, groups)]
    most = max(1, round(share * folds))
    chosen: list[np.ndarray] = []
    # first what brings a class that is not there yet
    while len(chosen) < most or len(_classes(files, chosen)) < len(np.unique(labels)):
        if not dealt:
            break
        gains = [len(_classes(files, [*chosen, part])) for part in dealt]
        chosen.append(dealt.pop(int(np.argmax(gains))))
    held_out = np.sort(np.concatenate(chosen))
    check_train(files, np.setdiff1d(rows, held_out))
    return held_out


def _classes(files: ImageFiles, parts: list[np.ndarray]) -> np.ndarray:
    return np.unique(files.labels[np.concatenate(parts)]) if parts else np.array([])


def check_groups(files: ImageFiles, rows: np.ndarray, together: np.ndarray, parts: int) -> None:
    """Refuses classes that have fewer groups than there are parts."""
    for label, name in enumerate(files.class_names):
        found = len(np.unique(together[rows][files.labels[rows] == label]))
        if found < parts:
            what = "images" if files.groups is None else "groups"
            raise ValueError(
                f"The class {name!r} has too few {what}, {found}: {parts} are needed, one for each "
                "part or fold."
            )


def check_train(files: ImageFiles, rows: np.ndarray) -> None:
    missing = np.setdiff1d(np.arange(len(files.class_names)), files.labels[rows])
    if missing.size:
        names = listed(files.class_names[label] for label in missing)
        raise ValueError(f"There is no image to train on of {names}.")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keeps scikit-learn from warning of classes that are smaller than the number of folds."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        yield
