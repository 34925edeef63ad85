"""How `fit` and `advise` read the examples that they are given."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from kerasnorm.data import as_rows, is_dataset
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


def read_examples(
    name: str,
    data: Any,
    rank: int | None,
    batch_size: int = 32,
    ignore_class: int | None = None,
) -> Examples:
    """Returns `data` as `Examples`.

    Args:
        name: the argument's name, for messages.
        data: (x, y) arrays; `ImageFiles`, a `SegmentationFolder` or `TFRecords`; or a finite
            tf.data.Dataset of (x, y), single examples or batches. y: ints (N,) or (N, 1), one-hot
            rows (N, K), or label maps of ints, (N, H, W) or (N, H, W, 1).
        rank: the number of axes of a batch that the model takes; None if it does not say, and a
            Dataset holds batches then.
        batch_size: the examples a batch, where the data have none.
        ignore_class: the label of pixels that have none.

    Raises:
        ValueError: if the data are of another kind, empty, or of unequal length.
    """
    if is_dataset(data):
        return _read_dataset(name, data, rank, batch_size, ignore_class)
    if isinstance(data, SegmentationFolder):
        return _read_segmentation_folder(name, data, batch_size, ignore_class)
    if isinstance(data, ImageFiles | TFRecords):
        labels = _as_classes(name, np.asarray(data.labels))
        return FileExamples(*_of_classes(data, labels, ignore_class), batch_size)
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError(
            f"`{name}` should be a pair (x, y) of arrays, a tf.data.Dataset of such pairs, an "
            "ImageFolder, an ImageTable, a SegmentationFolder or TFRecords. "
            f"Received: {type(data).__name__}."
        )
    x, y = map(_to_numpy, data)
    maps = y.ndim > 2
    labels = _as_maps(name, y, ignore_class) if maps else _as_classes(name, y)
    if len(x) != len(labels):
        raise ValueError(f"`{name}` should have a label for each of {len(x)} x, not {len(labels)}.")
    if not maps:
        return ArrayExamples(*_of_classes((x, labels), labels, ignore_class), batch_size)
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
    name: str, data: Any, rank: int | None, batch_size: int, ignore_class: int | None
) -> DatasetExamples:
    from kerasnorm.data import pipelines

    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or not hasattr(spec[0], "shape"):
        raise ValueError(f"`{name}` should be a Dataset of (x, y). Received: element_spec={spec}.")
    if int(data.cardinality()) == -1:
        raise ValueError(f"`{name}` never ends: take the examples of one epoch, `dataset.take(n)`.")
    names = getattr(data, "class_names", None)  # of keras.utils.image_dataset_from_directory
    axes = spec[0].shape.rank
    if rank is not None and axes == rank - 1:
        data = data.shuffle(10_000).batch(batch_size) if name == "train" else data.batch(batch_size)
    elif None not in (rank, axes) and axes != rank:
        raise ValueError(
            f"`{name}` should hold examples of {rank - 1} axes, or batches of them. "
            f"Received: element_spec={spec}."
        )
    if (data.element_spec[1].shape.rank or 0) > 2:
        return _read_maps_in_dataset(name, data, batch_size, ignore_class)
    found = [y for _, y in data.as_numpy_iterator()]
    if not found:
        raise ValueError(f"`{name}` is empty.")
    labels = _as_classes(name, np.concatenate(found))
    sparse = pipelines.with_sparse_labels(data)
    sparse.class_names = names
    return DatasetExamples(*_of_classes(sparse, labels, ignore_class), batch_size)


def _read_maps_in_dataset(
    name: str, data: Any, batch_size: int, ignore_class: int | None
) -> DatasetExamples:
    from kerasnorm.data import pipelines

    labels = pipelines.labels_of(data).as_numpy_iterator()
    kind = LabelMaps(ignore_class)
    counted = _count_maps(name, (_as_maps(name, y, ignore_class) for y in labels), kind)
    return DatasetExamples(kind, pipelines.with_label_maps(data), *counted, batch_size)


def _count_maps(
    name: str, batches: Iterable[np.ndarray], kind: LabelMaps
) -> tuple[np.ndarray, ClassCounts]:
    """Returns the classes of each label map, bool (N, K), and the pixels of each class."""
    tally, classes = Tally(None, kind.ignore_class), []
    for labels in batches:
        tally.add(labels)
        classes += [kind.found_in(label_map) for label_map in labels]
    if not classes:
        raise ValueError(f"`{name}` is empty.")
    found = tally.result()
    return as_rows(classes, len(found.counts)), found


def _as_maps(name: str, y: np.ndarray, ignore_class: int | None) -> np.ndarray:
    """Returns label maps (N, H, W) of ints from (N, H, W) or (N, H, W, 1)."""
    maps = y[..., 0] if y.ndim == 4 and y.shape[-1] == 1 else y
    if not maps.size:
        raise ValueError(f"`{name}` is empty.")
    whole = maps.dtype.kind in "biu" or (maps.dtype.kind == "f" and (maps == np.floor(maps)).all())
    if maps.ndim != 3 or not whole:
        raise ValueError(
            f"The label maps of `{name}` should be ints (N, H, W), a class a pixel. Received: "
            f"shape {y.shape}, dtype {y.dtype}. One-hot maps become such by `y.argmax(-1)`."
        )
    if maps.dtype.kind in "bf":
        return maps.astype("uint8" if maps.dtype.kind == "b" else "int32")
    # so that a mark of -1 fits beside bytes
    return maps.astype(np.result_type(maps, np.min_scalar_type(ignore_class or 0)), copy=False)


def _as_classes(name: str, y: np.ndarray) -> np.ndarray:
    """Returns labels (N,) of ints from (N,), (N, 1) or one-hot rows (N, K)."""
    if y.size == 0:
        raise ValueError(f"`{name}` is empty.")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    one_hot = y.ndim == 2 and y.dtype.kind in "biuf" and bool(((y == 0) | (y == 1)).all())
    if one_hot and (y.sum(axis=1) == 1).all():
        return y.argmax(axis=1)
    if y.ndim == 1 and y.dtype.kind in "biuf" and (y == y.astype(np.int64)).all() and y.min() >= 0:
        return y.astype(np.int64)
    raise ValueError(
        f"The labels of `{name}` should be ints from 0 up, (N,) or (N, 1), or one-hot rows (N, K); "
        "or label maps (N, H, W). "
        f"Received: shape {y.shape}, dtype {y.dtype}, such as {y.flat[0]!r}."
    )


def _to_numpy(part: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(part) if keras.ops.is_tensor(part) else np.asarray(part)
