"""Holds the number of examples of each class."""

import dataclasses
from typing import Any

import numpy as np

from kerasnorm._table import plot_name
from kerasnorm._validation import as_number
from kerasnorm.data import by_class

_MAX_ROWS = 20
# in a plot: how many characters fit beside each other, and when small bars would vanish
_MAX_CHARACTERS = 50
_LOG_RATIO = 10


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ClassCounts:
    """The number of examples of each class, as `count_classes` returns it.

    Use it to inspect how unequal the classes are, and pass it to everything that takes `counts`.

    Args:
        counts: `(K,)` whole numbers, at least one above 0; kept as a read-only int64 array. A
            mapping (a dict, a Counter, a pandas Series such as `value_counts()`) is read by its
            keys: class numbers, or names, which are sorted alphabetically.
        labels: The K names of the classes. Defaults to those of the counts or 0 to K - 1.
        ignore_class: The label that was left out of the counts, if any. Defaults to None.
        image_pixels: `(K,)`, for label maps: the counted pixels of all the images that contain
            the class. `counts / image_pixels` is the frequency of median frequency balancing.
            Defaults to None.

    Raises:
        ValueError: If the counts are not whole numbers of rank 1, are all 0, or do not fit
            the other arguments.

    Example:

    >>> counts = ClassCounts([500, 50, 5])
    >>> counts.ratio
    100.0
    >>> counts.groups()
    {'many': [0], 'medium': [1], 'few': [2]}

    See also:
        `count_classes`, which returns it; `class_weights`.
    """

    counts: np.ndarray
    labels: tuple[Any, ...] | None = None
    ignore_class: int | None = None
    image_pixels: np.ndarray | None = None

    def __post_init__(self) -> None:
        counts, names = _counts_and_names(self.counts)
        counts = counts.copy()
        counts.setflags(write=False)
        names = tuple(range(len(counts))) if names is None else names
        labels = names if self.labels is None else tuple(self.labels)
        if len(labels) != len(counts) or (
            self.image_pixels is not None and np.shape(self.image_pixels) != counts.shape
        ):
            raise ValueError(
                f"`labels` and `image_pixels` should have one entry for each of the {len(counts)} "
                f"counts. Received: labels={labels!r}, image_pixels={self.image_pixels!r}."
            )
        object.__setattr__(self, "counts", counts)
        object.__setattr__(self, "labels", labels)

    @property
    def ratio(self) -> float:
        """The largest count over the smallest, among the classes that have examples."""
        present = self.counts[self.counts > 0]
        return float(present.max() / present.min())

    def groups(self, many: float = 100, few: float = 20) -> dict[str, list[int]]:
        """Sorts the classes by their examples, as long-tailed benchmarks do.

        Args:
            many: A class with more examples than this is in "many". Defaults to 100.
            few: A class with fewer examples than this, or none, is in "few". Defaults to 20.

        Returns:
            The class indices under "many", "medium" (what lies between, ends included) and "few".

        Raises:
            ValueError: If a bound is negative or `many` is below `few`.

        Reference:
            Liu et al., 2019 (Large-scale long-tailed recognition), https://arxiv.org/abs/1904.05160
        """
        few = as_number("few", few, 0)
        many = as_number("many", many, few, interval="[]")
        masks = {
            "many": self.counts > many,
            "medium": (self.counts <= many) & (self.counts >= few),
            "few": self.counts < few,
        }
        return {name: np.flatnonzero(mask).tolist() for name, mask in masks.items()}

    def describe(self) -> str:
        """Returns a readable table: one line per class, largest first, with its share and group.

        Of more than 20 classes it shows the largest ten and the smallest ten.
        """
        total = int(self.counts.sum())
        lines = [f"{len(self.counts)} classes, {total:,} labels, ratio {self.ratio:.4g}"]
        absent = int((self.counts == 0).sum())
        if absent:
            lines.append(f"{absent} of the classes have no example")
        if self.ignore_class is not None:
            lines.append(f"label {self.ignore_class} is left out")
        group_of = {i: name for name, indices in self.groups().items() for i in indices}
        order = np.argsort(-self.counts, kind="stable").tolist()
        rows = [
            (str(self.labels[i]), f"{n:,}", f"{n / total:.2%}", group_of[i])
            for i, n in zip(order, self.counts[order].tolist(), strict=True)
        ]
        if len(rows) > _MAX_ROWS:
            half = _MAX_ROWS // 2
            rows = [*rows[:half], ("...", "", "", ""), *rows[-half:]]
        rows.insert(0, ("class", "count", "share", "group"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for *cells, group in rows:
            line = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=False))
            lines.append(f"{line}  {group}".rstrip())
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> Any:
        """Draws the counts as bars, largest first; on a log scale from a ratio of 10 up.

        Args:
            ax: Matplotlib axes. Defaults to those of a new figure.

        Returns:
            The axes.
        """
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.figure().add_subplot()
        order = np.argsort(-self.counts, kind="stable")
        ax.bar(np.arange(len(order)), self.counts[order])
        ax.set(xlabel="classes, largest first", ylabel="count", title=f"ratio {self.ratio:.4g}")
        if self.ratio >= _LOG_RATIO:
            ax.set_yscale("log")
        if len(order) <= _MAX_ROWS:
            names = [plot_name(self.labels[i]) for i in order]
            slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
            fits = max(map(len, names)) * len(names) <= _MAX_CHARACTERS
            ax.set_xticks(np.arange(len(order)), names, **({} if fits else slanted))
        return ax

    def __repr__(self) -> str:
        classes, total = len(self.counts), int(self.counts.sum())
        return f"<ClassCounts: {classes} classes, {total} labels, ratio {self.ratio:.4g}>"


def as_counts(counts: Any) -> np.ndarray:
    """Returns a ClassCounts, or counts in order or by class, as int64 of shape (K,)."""
    return counts.counts if isinstance(counts, ClassCounts) else _counts_and_names(counts)[0]


def _counts_and_names(counts: Any) -> tuple[np.ndarray, tuple[str, ...] | None]:
    array, names = by_class(counts, "counts")
    numeric = array.ndim == 1 and array.size and array.dtype.kind in "iuf"
    if numeric and np.isfinite(array).all():
        whole = array.astype(np.int64)
        if (whole == array).all() and (whole >= 0).all() and whole.any():
            return whole, names
    raise ValueError(
        "`counts` should be a ClassCounts or the number of examples of each class: whole numbers "
        f"of shape (K,), not negative and not all 0. Received: {counts!r}."
    )
