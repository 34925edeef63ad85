"""Deals images out to training, validation and test."""

import contextlib
import warnings
from collections.abc import Iterator

import numpy as np

from kerasnorm._existing import SHARES, check_shares, shares_or_default
from kerasnorm._validation import listed
from kerasnorm.imbalance import ImageFiles

Split = tuple[ImageFiles, ImageFiles, ImageFiles | None]
_FOLDS = 10  # of groups, some of which make a part
_FEWEST = 3  # images of a class, one for each part


def split(
    files: ImageFiles,
    validation: float | None,
    test: float | None,
    seed: int,
    equal: list[list[int]] | None = None,
) -> Split:
    """Returns images to train on, to choose the best epoch by, and to judge by, of every class.

    Each part has at least one image of a class; the last is None if its share is 0. The parts that
    the files have are these. Otherwise what has one group, and files that are equal, are in one
    part.

    Args:
        files: the images.
        validation: their share for validation. None: 0.1, or the part of that name.
        test: their share for the test. None: 0.2, or the part of that name, if there are parts.
        seed: decides.
        equal: the numbers of the files that are equal to one another.

    Raises:
        ValueError: if a share is out of range or is given beside a part, or a class has too few
            images, or too few groups.
    """
    given, files = files, with_one_class(files)
    rng, whole = np.random.default_rng(seed), np.arange(files.size)
    together = _together(files, equal or [])
    if files.parts is None:
        validation, test = check_shares(*shares_or_default(validation, test))
        return _parted(given, *_held_out(files, whole, together, [validation, test], rng))
    named = {name: np.flatnonzero(files.parts == name) for name in ("train", "validation", "test")}
    for name, share in (("validation", validation), ("test", test)):
        if share is not None and len(named[name]):
            raise ValueError(
                f"The images have a part for {name} of their own: leave out --{name}-split."
            )
    wanted = [0 if len(named["validation"]) else shares_or_default(validation, None)[0], test or 0]
    check_shares(wanted[0] or SHARES[0], wanted[1])
    train, *drawn = _held_out(files, named["train"], together, wanted, rng)
    names = ("validation", "test")
    held_out = [
        named[name] if len(named[name]) else rows for name, rows in zip(names, drawn, strict=True)
    ]
    _check_train(files, train)
    return _parted(given, train, *held_out)


def fold(
    files: ImageFiles,
    folds: int,
    index: int,
    validation: float | None,
    seed: int,
    equal: list[list[int]] | None = None,
) -> Split:
    """Returns the parts of which the test is one of several folds.

    Args:
        files, validation, equal: as in `split`.
        folds: how many there are.
        index: which of them is the test.
        seed: decides.

    Raises:
        ValueError: if a class has too few images or groups, or the files have a test part.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if files.parts is not None:
        raise ValueError("The images have parts of their own: leave out --folds.")
    given, files = files, with_one_class(files)
    together = _together(files, equal or [])
    _check_groups(files, np.arange(files.size), together, folds)
    alone = len(np.unique(together)) == files.size
    kind = StratifiedKFold if alone else StratifiedGroupKFold
    deal = kind(folds, shuffle=True, random_state=seed)
    with _quietly():
        dealt = deal.split(together, files.labels, None if alone else together)
        rest, test = list(dealt)[index]
    rng = np.random.default_rng(seed)
    shares = [shares_or_default(validation, None)[0], 0]
    train, held_out, _ = _held_out(files, rest, together, shares, rng)
    return _parted(given, train, held_out, test)


def with_one_class(files: ImageFiles) -> ImageFiles:
    """Returns the same files, where each has one class by which they are dealt out.

    That is the rarest of its labels, where it may have several. Classes of fewer than three images
    are dealt out with the most frequent one.
    """
    if files.labels.ndim == 1:
        return files
    having = files.labels.sum(axis=0)
    rarest = np.where(files.labels, having, files.size + 1).argmin(axis=1)
    classes = np.where(files.labels.any(axis=1), rarest, len(having))
    names = np.array([*files.class_names, "without a label"])
    counts = np.bincount(classes, minlength=len(names))
    classes = np.where(counts[classes] < _FEWEST, counts.argmax(), classes)
    kept, numbers = np.unique(classes, return_inverse=True)
    groups = {"parts": files.parts, "groups": files.groups}
    return ImageFiles(files.paths, numbers.reshape(-1), names[kept], files.image_size, **groups)


def across(files: ImageFiles, equal: list[list[int]], values: np.ndarray) -> list[list[str]]:
    """Returns the paths of equal files that have different values, such as labels or parts."""
    apart = [same for same in equal if len({*values[same].tolist()}) > 1]
    return [files.paths[same].tolist() for same in apart]


def describe_equal(pairs: list[list[str]], apart: str) -> str:
    """Returns how many sets of equal files there are in different classes or parts.

    >>> describe_equal([["a/1.jpg", "b/2.jpg"]], "classes")
    '1 image is in different classes: a/1.jpg = b/2.jpg'
    """
    noun = "image is" if len(pairs) == 1 else "images are"
    shown = "; ".join(" = ".join(pair[:3]) for pair in pairs[:5])
    more = f"; and {len(pairs) - 5} more" if len(pairs) > 5 else ""
    return f"{len(pairs)} {noun} in different {apart}: {shown}{more}"


def _parted(
    files: ImageFiles, train: np.ndarray, validation: np.ndarray, test: np.ndarray
) -> Split:
    held_out = files.subset(test) if len(test) else None
    return files.subset(train), files.subset(validation), held_out


def _together(files: ImageFiles, equal: list[list[int]]) -> np.ndarray:
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


def _held_out(
    files: ImageFiles,
    rows: np.ndarray,
    together: np.ndarray,
    shares: list[float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """Returns the rows to train on, and those to hold out for each of the shares."""
    wanted = sum(1 for share in shares if share)
    if files.groups is None:
        _, at, member = np.unique(together[rows], return_index=True, return_inverse=True)
        parts = _by_class(files, rows[at], shares, rng)
        # equal files go where the first of them goes
        place = np.empty(files.size, int)
        for number, part in enumerate(parts):
            place[part] = number
        return tuple(rows[place[rows[at]][member] == number] for number in range(len(parts)))
    _check_groups(files, rows, together, wanted + 1)
    parts, left = [], 1.0
    for share in shares:
        held_out = _some_groups(files, rows, together, share / left, rng)
        parts.append(held_out)
        rows, left = np.setdiff1d(rows, held_out), left - share
    return rows, *parts


def _by_class(
    files: ImageFiles, rows: np.ndarray, shares: list[float], rng: np.random.Generator
) -> list[np.ndarray]:
    """Returns the rows to train on, and those of each share, one of each class at least."""
    wanted = [number for number, share in enumerate(shares) if share]
    parts: list[list[np.ndarray]] = [[] for _ in range(len(shares) + 1)]
    for label, name in enumerate(files.class_names):
        members = rng.permutation(rows[files.labels[rows] == label])
        if len(members) <= len(wanted):
            raise ValueError(
                f"The class {name!r} has too few readable images, {len(members)}: one to train on "
                f"and {len(wanted)} to hold out are needed."
            )
        counts, left = [0] * len(shares), len(members) - 1  # one is to train on
        for later, number in zip(range(len(wanted))[::-1], wanted, strict=True):
            counts[number] = min(max(1, round(shares[number] * len(members))), left - later)
            left -= counts[number]
        for number, chosen in enumerate(np.split(members, np.cumsum(counts))):
            parts[number].append(chosen)
    *held_out, train = (np.concatenate(part) for part in parts)
    return [train, *held_out]


def _some_groups(
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
    with _quietly():
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
    _check_train(files, np.setdiff1d(rows, held_out))
    return held_out


def _classes(files: ImageFiles, parts: list[np.ndarray]) -> np.ndarray:
    return np.unique(files.labels[np.concatenate(parts)]) if parts else np.array([])


def _check_groups(files: ImageFiles, rows: np.ndarray, together: np.ndarray, parts: int) -> None:
    """Refuses classes that have fewer groups than there are parts."""
    for label, name in enumerate(files.class_names):
        found = len(np.unique(together[rows][files.labels[rows] == label]))
        if found < parts:
            what = "images" if files.groups is None else "groups"
            raise ValueError(
                f"The class {name!r} has too few {what}, {found}: {parts} are needed, one for each "
                "part or fold."
            )


def _check_train(files: ImageFiles, rows: np.ndarray) -> None:
    missing = np.setdiff1d(np.arange(len(files.class_names)), files.labels[rows])
    if missing.size:
        names = listed(files.class_names[label] for label in missing)
        raise ValueError(f"There is no image to train on of {names}.")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keeps scikit-learn from warning of classes that are smaller than the number of folds."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        yield
