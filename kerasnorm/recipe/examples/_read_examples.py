"""How `fit` and `advise` read the examples that they are given."""

import dataclasses
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from kerasnorm.data import (
    DatasetReader,
    as_known_form,
    as_rows,
    check_count,
    check_zero_one,
    dataset_of,
    empty,
    number_names,
    read_classes,
    read_dataset,
    read_label_maps,
    read_labels,
    read_weights,
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
from kerasnorm.recipe.examples._contours import Contours
from kerasnorm.recipe.examples._examples import (
    ArrayExamples,
    DatasetExamples,
    Examples,
    FileExamples,
)
from kerasnorm.recipe.examples._image_classes import ImageClasses
from kerasnorm.recipe.examples._kind import Kind
from kerasnorm.recipe.examples._label_maps import LabelMaps
from kerasnorm.recipe.examples._outputs import Outputs
from kerasnorm.recipe.examples._several_labels import SeveralLabels
from kerasnorm.recipe.examples._two_classes import TwoClasses

_BUFFER = 10_000  # of single examples that a Dataset shuffles
_OF_FEATURES = Outputs()


def read_examples(
    name: str,
    data: Any,
    rank: int | None,
    batch_size: int = 32,
    ignore_class: int | None = None,
    names: tuple[str, ...] | None = None,
    outputs: Outputs = _OF_FEATURES,
    kind: Kind | None = None,
) -> Examples:
    """Returns `data` as `Examples`.

    Args:
        name: the argument's name, for messages.
        data: (x, y) arrays, or with sample weights (x, y, w); `ImageFiles`, a `SegmentationFolder`
            or `TFRecords`; or a finite tf.data.Dataset of (x, y) or (x, y, w), single examples or
            batches. y: ints (N,) or (N, 1), one-hot rows (N, K), rows of 0 and 1 (N, K), names (N,)
            or (N, 1), or label maps of ints, (N, H, W) or (N, H, W, 1).
        rank: the number of axes of a batch that the model takes; None if it does not say, and a
            Dataset holds batches then.
        batch_size: The examples per batch, where the data have none. Defaults to 32.
        ignore_class: The label of pixels that have none. Defaults to None.
        names: Those of the classes, where labels are names; () if they are numbers. None: those
            that come up.
        outputs: those of the model: one of them tells two classes, or contours; under sigmoids
            one-hot rows are labels.
        kind: what the labels of the other examples say; None: there are no others.

    Raises:
        ValueError: If the data are of another kind, empty, or of unequal length.
    """
    reading = _Reading(name, batch_size, ignore_class, outputs, kind)
    data = as_known_form(data, name)
    if isinstance(data, keras.utils.PyDataset):
        data = dataset_of(data, name)
    reader = read_dataset(data, f"`{name}`")
    if reader is not None:
        return reading.dataset(reader, rank, names)
    if isinstance(data, SegmentationFolder):
        return reading.segmentation_folder(data)
    if isinstance(data, ImageFiles | TFRecords):
        return FileExamples(*reading.labelled(data, data.labels), batch_size)
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        raise ValueError(
            f"`{name}` should be a pair (x, y) of arrays, or (x, y, w) with sample weights, a "
            "tf.data.Dataset of such, an ImageFolder, an ImageTable, a SegmentationFolder or "
            f"TFRecords. Received: {type(data).__name__}."
        )
    x, y = (to_numpy(part, name) for part in data[:2])
    y, names = number_names(y, name, names)
    maps = y.ndim > 2
    labels = read_label_maps(y, name, ignore_class) if maps else y
    weights = None if len(data) == 2 else read_weights(data[2], len(labels), name)
    more = () if weights is None else (weights,)
    if maps:
        check_count(len(labels), len(x), name)
        kind, *counted = reading.maps([labels])
        arrays = (x, labels, *more)
        return ArrayExamples(kind, arrays, *counted, batch_size, (), weights)
    kind, _, classes, found = reading.labelled(None, labels)
    check_count(len(classes), len(x), name)
    arrays = (x, classes.astype("float32") if classes.ndim == 2 else classes, *more)
    return ArrayExamples(kind, arrays, classes, found, batch_size, names, weights)


@dataclasses.dataclass(frozen=True)
class _Reading:
    """How one argument is read; attributes are the arguments of `read_examples`."""

    name: str
    batch_size: int
    ignore_class: int | None
    outputs: Outputs
    kind: Kind | None

    def labelled(self, data: Any, y: Any) -> tuple[Kind, Any, np.ndarray, ClassCounts]:
        """Returns the kind, the data, the classes and their counts, of labels of whole examples."""
        several = isinstance(data, ImageFiles) and y.ndim == 2
        rows = y if several else self._rows(y)
        if rows is not None:
            self._check_not_ignored(len(rows))
            return SeveralLabels(), data, rows, _counts_of_rows(self.name, rows)
        labels = read_classes(y, self.name)
        self._check_not_ignored(len(labels))
        count = int(labels.max()) + 1
        two = self.outputs.units == 1 and not self.outputs.maps and count <= 2
        if self.kind is not None:
            two = isinstance(self.kind, TwoClasses)
        kind = TwoClasses() if two else ImageClasses()
        return kind, data, labels, count_classes(labels, max(count, 2) if two else count)

    def _rows(self, y: Any) -> np.ndarray | None:
        """Returns rows of several labels, bool (N, K); None if the labels are something else."""
        labels = read_labels(y, self.name)
        if labels.ndim != 2 or labels.shape[1] == 1 or labels.dtype.kind == "U":
            return None
        several = isinstance(self.kind, SeveralLabels)
        if several:
            check_zero_one(labels)
        elif ((labels != 0) & (labels != 1)).any():
            return None
        sigmoids = self.outputs.sigmoid and self.outputs.units == labels.shape[1]
        one_hot = (labels.sum(axis=1) == 1).all()
        if one_hot and not sigmoids and not several:
            return None
        if isinstance(self.kind, ImageClasses):  # `read_classes` says what is wrong
            return None
        return labels > 0

    def _check_not_ignored(self, count: int) -> None:
        if self.ignore_class is not None:
            raise ValueError(
                f"`ignore_class` is for label maps. Received: labels for each of {count} examples, "
                f"and ignore_class={self.ignore_class}. Leave it out."
            )

    def maps(self, batches: Iterable[np.ndarray]) -> tuple[LabelMaps, np.ndarray, ClassCounts]:
        """Returns the kind, the classes of each label map, bool (N, K), and counts of pixels."""
        kind = LabelMaps(self.ignore_class)
        tally, classes = Tally(None, self.ignore_class), []
        for labels in batches:
            tally.add(labels)
            classes += [kind.found_in(label_map) for label_map in labels]
        if not classes:
            raise ValueError(empty(f"`{self.name}`"))
        found = tally.result()
        return self._of_maps(as_rows(classes, len(found.counts)), found)

    def _of_maps(
        self, classes: np.ndarray, found: ClassCounts
    ) -> tuple[LabelMaps, np.ndarray, ClassCounts]:
        two = self.outputs.units == 1 and self.outputs.maps and len(found.counts) <= 2
        if self.kind is not None:
            two = isinstance(self.kind, Contours)
        if not two:
            return LabelMaps(self.ignore_class), classes, found
        more = (0, max(2 - len(found.counts), 0))  # no pixel may be on a contour here
        counts = ClassCounts(
            np.pad(found.counts, more),
            ignore_class=found.ignore_class,
            image_pixels=np.pad(found.image_pixels, more),
        )
        return Contours(self.ignore_class), np.pad(classes, ((0, 0), more)), counts

    def segmentation_folder(self, data: SegmentationFolder) -> FileExamples:
        """Returns the images and masks of a folder."""
        if self.ignore_class not in (None, data.ignore_class):
            raise ValueError(
                f"`{self.name}` is a SegmentationFolder with ignore_class={data.ignore_class}. "
                f"Received: ignore_class={self.ignore_class}. Say it to the folder, and leave it "
                "out here."
            )
        labels = data.labels  # checks the masks one by one
        found = count_classes(data, labels.shape[1], verbose=0)
        own = dataclasses.replace(self, ignore_class=data.ignore_class)
        kind, *counted = own._of_maps(labels, found)
        return FileExamples(kind, data, *counted, self.batch_size)

    def dataset(
        self, reader: DatasetReader, rank: int | None, known: tuple[str, ...] | None
    ) -> DatasetExamples:
        """Returns the examples of a tf.data.Dataset."""
        from kerasnorm.data import pipelines

        reader.pair(single=True)
        reader.check_end()
        reader.check_not_empty()
        names = getattr(reader.data, "class_names", None)  # image_dataset_from_directory's
        data = reader.in_batches(rank, self.batch_size, _BUFFER if self.name == "train" else 0)
        found, weights = [], []

        def labels_of_batches() -> Iterable[np.ndarray]:
            for y, *more in data.map(lambda x, y, *w: (y, *w)).as_numpy_iterator():
                weights.extend(more)
                yield y

        if (data.element_spec[1].shape.rank or 0) > 2:
            maps = (read_label_maps(y, self.name, self.ignore_class) for y in labels_of_batches())
            kind, *counted = self.maps(maps)
            weights = self._weights(weights, len(counted[0]))
            data = pipelines.with_label_maps(data)
            return DatasetExamples(kind, data, *counted, self.batch_size, (), weights)
        found = list(labels_of_batches())
        if not found:
            raise ValueError(empty(f"`{self.name}`"))
        numbers, known = number_names(np.concatenate(found), self.name, known)
        kind, _, classes, counts = self.labelled(None, numbers)
        weights = self._weights(weights, len(classes))
        numbered = pipelines.with_numbers(data, known) if known else data
        several = classes.ndim == 2
        read = pipelines.with_rows(data) if several else pipelines.with_sparse_labels(numbered)
        read.class_names = names
        return DatasetExamples(kind, read, classes, counts, self.batch_size, known, weights)

    def _weights(self, weights: list[np.ndarray], count: int) -> np.ndarray | None:
        return read_weights(np.concatenate(weights), count, self.name) if weights else None


def _counts_of_rows(name: str, rows: np.ndarray) -> ClassCounts:
    if not rows.any():
        raise ValueError(
            f"No example of `{name}` has any of the {rows.shape[1]} labels: there is nothing to "
            "learn or to judge by."
        )
    return ClassCounts(rows.sum(axis=0))
