"""How `fit` and `advise` read the examples that they are given."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from kerasnorm.data import (
    DatasetReader,
    as_known_form,
    as_rows,
    check_count,
    check_pairs,
    dataset_of,
    empty,
    number_names,
    read_classes,
    read_dataset,
    read_label_maps,
    to_numpy,
)
from kerasnorm.imbalance import (
    ClassCounts,
    ImageFiles,
    SegmentationFolder,
    TFRecords,
    count_classes,
)
from kerasnorm.imbalance.counting import Tally
from kerasnorm.recipe.examples._examples import (
    ArrayExamples,
    DatasetExamples,
    Examples,
    FileExamples,
)
from kerasnorm.recipe.examples._image_classes import ImageClasses
from kerasnorm.recipe.examples._label_maps import LabelMaps

_BUFFER = 10_000  # of single examples that a Dataset shuffles


def read_examples(
    name: str,
    data: Any,
    rank: int | None,
    batch_size: int = 32,
    ignore_class: int | None = None,
    names: tuple[str, ...] | None = None,
) -> Examples:
    """Returns `data` as `Examples`.

    Args:
        name: The argument's name, for messages.
        data: (x, y) arrays; `ImageFiles`, a `SegmentationFolder` or `TFRecords`; or a finite
            tf.data.Dataset of (x, y), single examples or batches. y: ints (N,) or (N, 1), one-hot
            rows (N, K), names (N,) or (N, 1), or label maps of ints, (N, H, W) or (N, H, W, 1).
        rank: The number of axes of a batch that the model takes; None if it does not say, and a
            Dataset holds batches then.
        batch_size: The examples per batch, where the data have none. Defaults to 32.
        ignore_class: The label of pixels that have none. Defaults to None.
        names: Those of the classes, where labels are names; () if they are numbers. None: those
            that come up.

    Raises:
        ValueError: If the data are of another kind, empty, or of unequal length.
    """
    data = as_known_form(data, name)
    if isinstance(data, keras.utils.PyDataset):
        data = dataset_of(data, name)
    check_pairs(data, name)
    reader = read_dataset(data, f"`{name}`")
    if reader is not None:
        return _read_dataset(reader, name, rank, batch_size, ignore_class, names)
    if isinstance(data, SegmentationFolder):
        return _read_segmentation_folder(name, data, batch_size, ignore_class)
    if isinstance(data, ImageFiles | TFRecords):
        labels = read_classes(data.labels, name)
        return FileExamples(*_of_classes(data, labels, ignore_class), batch_size)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError(
            f"`{name}` should be a pair (x, y) of arrays, a tf.data.Dataset of such pairs, an "
            "ImageFolder, an ImageTable, a SegmentationFolder or TFRecords. "
            f"Received: {type(data).__name__}."
        )
    x, y = (to_numpy(part, name) for part in data)
    y, names = number_names(y, name, names)
    maps = y.ndim > 2
    labels = read_label_maps(y, name, ignore_class) if maps else read_classes(y, name)
    check_count(len(labels), len(x), name)
    if not maps:
        return ArrayExamples(*_of_classes((x, labels), labels, ignore_class), batch_size, names)
    kind = LabelMaps(ignore_class)
    return ArrayExamples(kind, (x, labels), *_count_maps(name, [labels], kind), batch_size)


def _of_classes(data: Any, labels: np.ndarray, ignore_class: int | None) -> tuple:
    if ignore_class is not None:
        raise ValueError(
            "`ignore_class` is for label maps. Received: a class for each of "
            f"{len(labels)} examples, and ignore_class={ignore_class}. Leave it out."
        )
    return ImageClasses(), data, labels, count_classes(labels, num_classes=int(labels.max()) + 1)


def _read_segmentation_folder(
    name: str, data: SegmentationFolder, batch_size: int, ignore_class: int | None
) -> FileExamples:
    if ignore_class not in (None, data.ignore_class):
        raise ValueError(
            f"`{name}` is a SegmentationFolder with ignore_class={data.ignore_class}. Received: "
            f"ignore_class={ignore_class}. Say it to the folder, and leave it out here."
        )
    labels = data.labels  # checks the masks one by one
    found = count_classes(data, labels.shape[1], verbose=0)
    return FileExamples(LabelMaps(data.ignore_class), data, labels, found, batch_size)


def _read_dataset(
    reader: DatasetReader,
    name: str,
    rank: int | None,
    batch_size: int,
    ignore_class: int | None,
    known: tuple[str, ...] | None,
) -> DatasetExamples:
    from kerasnorm.data import pipelines

    reader.pair(single=True)
    reader.check_end()
    reader.check_not_empty()
    names = getattr(reader.data, "class_names", None)  # keras.utils.image_dataset_from_directory's
    data = reader.in_batches(rank, batch_size, _BUFFER if name == "train" else 0)
    batches = data.map(lambda x, y: y).as_numpy_iterator()
    if (data.element_spec[1].shape.rank or 0) > 2:
        kind = LabelMaps(ignore_class)
        counted = _count_maps(name, (read_label_maps(y, name, ignore_class) for y in batches), kind)
        return DatasetExamples(kind, pipelines.with_label_maps(data), *counted, batch_size)
    found = list(batches)
    if not found:
        raise ValueError(empty(f"`{name}`"))
    numbers, known = number_names(np.concatenate(found), name, known)
    labels = read_classes(numbers, name)
    numbered = pipelines.with_numbers(data, known) if known else data
    sparse = pipelines.with_sparse_labels(numbered)
    sparse.class_names = names
    return DatasetExamples(*_of_classes(sparse, labels, ignore_class), batch_size, known)


def _count_maps(
    name: str, batches: Iterable[np.ndarray], kind: LabelMaps
) -> tuple[np.ndarray, ClassCounts]:
    """Returns the classes of each label map, bool (N, K), and the pixels of each class."""
    tally, classes = Tally(None, kind.ignore_class), []
    for labels in batches:
        tally.add(labels)
        classes += [kind.found_in(label_map) for label_map in labels]
    if not classes:
        raise ValueError(empty(f"`{name}`"))
    found = tally.result()
    return as_rows(classes, len(found.counts)), found
