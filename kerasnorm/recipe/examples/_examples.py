"""Labelled examples, whatever holds them: to count, to draw from, to train on, to predict."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import partial
from typing import Any

import keras
import numpy as np

from kerasnorm.data import EpochCounter, Order, Source, StoredBatches, read_dataset, shuffled
from kerasnorm.imbalance import ClassCounts, sampler
from kerasnorm.models import predict_rows
from kerasnorm.recipe.examples._kind import Kind

Pairs = Iterator[tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True, eq=False)
class Examples(ABC):
    """Examples with a class each, or with a label map each.

    Attributes:
        kind: `ImageClasses` or `LabelMaps`.
        data: What holds x and the labels.
        classes: Of the N examples in order: (N,) ints; or of label maps, which may have several,
            bool (N, K).
        found: The counts of the classes, up to the largest label.
        batch_size: The examples per batch.
        class_names: The names of the classes, where the labels are names; else ().
    """

    kind: Kind
    data: Any
    classes: np.ndarray
    found: ClassCounts
    batch_size: int
    class_names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of the examples."""
        return len(self.classes)

    @property
    def having(self) -> np.ndarray:
        """How many examples have each class, (K,)."""
        return self.found.counts if self.classes.ndim == 1 else self.classes.sum(axis=0)

    @property
    def of_one_size(self) -> bool:
        """Whether x is known to have one shape in all examples."""
        return True

    def counts(self, classes: int) -> ClassCounts:
        """Returns the counts of so many classes, of which the last ones may have no example."""
        more, pixels = (0, classes - len(self.found.counts)), self.found.image_pixels
        return ClassCounts(
            np.pad(self.found.counts, more),
            ignore_class=self.found.ignore_class,
            image_pixels=None if pixels is None else np.pad(pixels, more),
        )

    def steps(self, order: Order | None) -> int:
        """Returns how many batches an epoch of fit has, its rows drawn by `order` if given."""
        return -(-(self.size if order is None else len(order(0))) // self.batch_size)

    def in_memory(self) -> "Examples":
        """Returns the examples of a Dataset as an array, and others as they are."""
        return self

    def order(self, **drawing: Any) -> Order:
        """Returns what draws the rows of each epoch; arguments are those of `sampler`."""
        classes = self.classes
        if classes.ndim == 2:  # the last of the classes may be in no label map
            missing = drawing.get("num_classes", 0) - classes.shape[1]
            classes = np.pad(classes, ((0, 0), (0, max(missing, 0))))
        return sampler(classes, **drawing)

    @abstractmethod
    def for_training(self, order: Order | None, seed: int) -> tuple[Any, Order | None]:
        """Returns what `fine_tune` takes as `train` and as `sampler`."""

    @abstractmethod
    def in_order(self) -> Any:
        """Returns all examples, each once: arrays, or a Dataset of batches."""

    @abstractmethod
    def batches(self, rows: np.ndarray | None = None) -> Pairs:
        """Yields (x, labels) of all examples, or of those in `rows`."""

    def outputs(self, model: keras.Model, rows: np.ndarray | None = None) -> Pairs:
        """Yields labels and a model's outputs of each batch, from the same pass."""
        for x, labels in self.batches(rows):
            yield labels, predict_rows(model, x)


class ArrayExamples(Examples):
    """Examples in memory: `data` are x (N, ...) and labels (N,) or (N, H, W)."""

    def for_training(self, order: Order | None, seed: int) -> tuple[Any, Order | None]:
        return self.data, order

    def in_order(self) -> tuple[np.ndarray, np.ndarray]:
        return self.data

    def batches(self, rows: np.ndarray | None = None) -> Pairs:
        x, labels = self.data
        rows = np.arange(self.size) if rows is None else rows
        for start in range(0, len(rows), self.batch_size):
            chosen = rows[start : start + self.batch_size]
            yield x[chosen], labels[chosen]


class DatasetExamples(Examples):
    """Examples in a tf.data.Dataset: `data` has batches of (x, labels)."""

    @property
    def of_one_size(self) -> bool:
        shape = self.data.element_spec[0].shape
        return bool(shape.rank) and None not in shape[1:]

    def steps(self, order: Order | None) -> int:
        reader = read_dataset(self.data)
        return (reader and reader.size) or sum(1 for _ in self.data)

    def in_memory(self) -> ArrayExamples:
        """Returns arrays of one pass, and their classes: another pass may have another order."""
        x, labels, classes = [], [], []
        for each, y in self.data.as_numpy_iterator():
            x.append(each)
            labels.append(y)
            classes.append(self.kind.classes_of(y, len(self.found.counts)))
        data, classes = (np.concatenate(x), np.concatenate(labels)), np.concatenate(classes)
        return ArrayExamples(self.kind, data, classes, self.found, self.batch_size)

    def for_training(self, order: Order | None, seed: int) -> tuple[Any, None]:
        return self.data, None

    def in_order(self) -> Any:
        return self.data

    def batches(self, rows: np.ndarray | None = None) -> Pairs:
        """Yields all batches; or the first examples of which there are as many of each class.

        The Dataset may shuffle, so that `rows` of one pass are others in the next.
        """
        if rows is None:
            yield from self.data.as_numpy_iterator()
            return
        left = np.bincount(self.classes[rows])
        for x, y in self.data.as_numpy_iterator():
            chosen = []
            for row, label in enumerate(y):
                if label < len(left) and left[label]:
                    left[label] -= 1
                    chosen.append(row)
            if chosen:
                yield x[chosen], y[chosen]
            if not left.any():
                return


class FileExamples(Examples):
    """Examples that stay on disk: `ImageFiles`, a `SegmentationFolder` or `TFRecords`."""

    data: Source

    def for_training(self, order: Order | None, seed: int) -> tuple[StoredBatches, None]:
        from kerasnorm.data.pipelines import indexed

        order = order or shuffled(self.size, seed)
        counter = EpochCounter()
        gather = self.data.gatherer()
        dataset = indexed(order, gather, len(order(0)), self.batch_size, counter)
        set_epoch = partial(setattr, counter, "next")
        return StoredBatches(dataset.prefetch(2), set_epoch, order, self.in_order()), None

    def in_order(self) -> Any:
        return self._gathered(np.arange(self.size))

    def batches(self, rows: np.ndarray | None = None) -> Pairs:
        rows = np.arange(self.size) if rows is None else rows
        yield from self._gathered(rows).as_numpy_iterator()

    def _gathered(self, rows: np.ndarray) -> Any:
        from kerasnorm.data import pipelines

        return pipelines.gathered(self.data.gatherer(), rows, self.batch_size)
