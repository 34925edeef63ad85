"""Counts the examples of each class, from many forms of data."""

import collections
import itertools
import os
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from kerasnorm._listing import Listing, list_folder, mask_files
from kerasnorm._tables import Columns, is_table, list_table
from kerasnorm._validation import as_int
from kerasnorm.data import (
    ImageFiles,
    SegmentationFolder,
    empty,
    label_batches,
    read_mask,
    with_bar,
)
from kerasnorm.imbalance.counting._class_counts import ClassCounts
from kerasnorm.imbalance.counting._tally import Tally


def count_classes(
    data: Any,
    num_classes: int | None = None,
    ignore_class: int | None = None,
    verbose: str | int = "auto",
) -> ClassCounts:
    """Counts the examples of each class.

    Use it first: the counts show how unequal the classes are, and weights, sampling and losses
    start from them. Data other than arrays are read once, batch by batch, with a progress bar;
    sample weights are ignored.

    How labels are read:

    - integers, bools and whole floats of any rank are class numbers, one per position: (N,),
      (N, 1), sequences (N, T), label maps (N, H, W). The classes are 0 to the largest label;
    - rank 2 with several columns of 0 and 1 only is one-hot or multilabel: every 1 is counted.
      Integers are class numbers all the same if `ignore_class` is given, which only those have;
    - floats or bools of rank 3, and any numbers of rank 4 and more, with exactly one 1 on the
      last axis everywhere and else 0, are one-hot maps;
    - strings are classes by name, in alphabetical order.

    Args:
        data: An array of labels; a tuple `(x, y)` or `(x, y, w)` of arrays; a tf.data.Dataset of
            such tuples, batched or not; a `keras.utils.PyDataset` or an iterator of batches of
            them (it must end, and is used up); `ImageFiles`, a `SegmentationFolder` or `TFRecords`;
            the path of what `kerasnorm fit` takes, a folder with one sub-folder per class,
            optionally inside `train/`, `val/` and `test/`, or a CSV file with the columns
            path and label (file names are counted, no image is opened); or that of a folder of
            masks, label maps in grey or palette images.
        num_classes: K; classes with no example are then kept, with a count of 0. Defaults to None.
        ignore_class: Label to ignore, such as 255 in label maps. Defaults to None.
        verbose: 1 shows a progress bar, 0 none; "auto" shows it in a terminal. Defaults to "auto".

    Returns:
        A `ClassCounts`; for label maps it knows what median frequency balancing needs.

    Raises:
        ValueError: If there are no labels, they cannot be read, or one is outside the classes:
            negative, `num_classes` or more, or 254 or 255 where neither `num_classes` nor
            `ignore_class` says whether it is a class.

    Example:

    >>> count_classes([0, 0, 0, 2], num_classes=4).counts
    array([3, 0, 1, 0])
    >>> count_classes(["cat", "dog", "cat"]).labels
    ('cat', 'dog')
    >>> label_map = [[[0, 0], [0, 1]], [[0, 255], [0, 0]]]
    >>> print(count_classes(label_map, ignore_class=255).describe())
    2 classes, 7 labels, ratio 6
    label 255 is left out
    class  count   share  group
        0      6  85.71%  few
        1      1  14.29%  few

    See also:
        `ClassCounts`; `class_weights`; `resample`.
    """
    if num_classes is not None:
        num_classes = as_int("num_classes", num_classes, low=1)
    if ignore_class is not None:
        ignore_class = as_int("ignore_class", ignore_class)
    if isinstance(data, str | os.PathLike):
        folder = pathlib.Path(data)
        masks = mask_files(folder)
        if not masks:
            return _named_counts(_listed(folder).counts(), num_classes, ignore_class)
        batches = with_bar(map(read_mask, masks), len(masks), verbose)
    elif isinstance(data, SegmentationFolder):
        num_classes = data.num_classes if num_classes is None else num_classes
        ignore_class = data.ignore_class if ignore_class is None else ignore_class
        masks = (data.read_classes(path)[None] for path in data.mask_paths.tolist())
        batches = with_bar(masks, data.size, verbose)
    elif isinstance(data, ImageFiles):
        return _named_counts(data.counts(), num_classes, ignore_class)
    else:
        batches = label_batches(data, verbose)
    first = next(batches, None)
    if first is None:
        raise ValueError(empty("The dataset"))
    batches = itertools.chain([first], batches)
    if first.dtype.kind == "U":
        return _named_counts(_count_strings(batches), num_classes, ignore_class)
    tally = Tally(num_classes, ignore_class)
    for labels in batches:
        tally.add(labels)
    return tally.result()


def _listed(path: pathlib.Path) -> Listing:
    return list_table(path, Columns()) if is_table(path) else list_folder(path)


def _count_strings(batches: Iterable[np.ndarray]) -> dict[str, int]:
    found: collections.Counter[str] = collections.Counter()
    for labels in batches:
        names, counts = np.unique(labels, return_counts=True)
        found.update(dict(zip(names.tolist(), counts.tolist(), strict=True)))
    return dict(sorted(found.items()))


def _named_counts(
    named: dict[str, int], num_classes: int | None, ignore_class: int | None
) -> ClassCounts:
    if ignore_class is not None or num_classes not in (None, len(named)):
        raise ValueError(
            "The classes of named labels are the names found, here "
            f"{len(named)}: pass neither `ignore_class` nor another `num_classes`. Received: "
            f"num_classes={num_classes}, ignore_class={ignore_class}."
        )
    return ClassCounts(np.array(list(named.values()), np.int64), tuple(named))
