"""Labelled examples, whatever holds them: to count, to draw from, to train on, to predict."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.data import Order, Source, StoredBatches, read_dataset
from kerasnorm.imbalance import ClassCounts, sampler
from kerasnorm.models import predict_rows
from kerasnorm.recipe.examples._kind import Kind

Parts = Iterator[tuple[np.ndarray, ...]]  # (x, labels) or (x, labels, weights)


@dataclasses.dataclass(frozen=True, eq=False)
class Examples(ABC):
    """Examples with a class, labels, or a label map each.

    Attributes:
        kind: what the labels say.
        data: what holds x, the labels, and perhaps the weights of the examples.
        classes: of the N examples in order: (N,) ints; or where they may have several, bool (N, K).
        found: the counts of the classes, up to the largest label.
        batch_size: the examples a batch.
        class_names: the names of the classes, where the labels are names; else ().
        weights: of the examples in order, float32 (N,); None: they have none.
    """

    kind: Kind
    data: Any
    classes: np.ndarray
    found: ClassCounts
    batch_size: int
    class_names: tuple[str, ...] = ()
    weights: np.ndarray | None = None

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

    def weighed_counts(self, classes: int) -> Any:
        """Returns the weights of the examples of each of so many classes, (K,), or their counts."""
        if self.weights is None:
            return self.counts(classes)
        return np.bincount(self.classes, self.weights, minlength=classes)

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
    def batches(self, rows: np.ndarray | None = None) -> Parts:
        """Yields (x, labels), with weights (x, labels, w), of all examples, or of `rows`."""

    def outputs(self, model: keras.Model, rows: np.ndarray | None = None) -> Parts:
        """Yields labels, a model's outputs, and weights if any, from the same pass."""
        for x, labels, *weights in self.batches(rows):
            yield labels, predict_rows(model, x), *weights


class ArrayExamples(Examples):
    """Examples in memory: `data` are x (N, ...), labels (N, ...), and perhaps weights (N,)."""

    def for_training(self, order: Order | None, seed: int) -> tuple[Any, Order | None]:
        return self.data, order

    def in_order(self) -> tuple[np.ndarray, ...]:
        return self.data

    def batches(self, rows: np.ndarray | None = None) -> Parts:
        rows = np.arange(self.size) if rows is None else rows
        for start in range(0, len(rows), self.batch_size):
            chosen = rows[start : start + self.batch_size]
            yield tuple(part[chosen] for part in self.data)


class DatasetExamples(Examples):
    """Examples in a tf.data.Dataset: `data` has batches of (x, labels) or (x, labels, w)."""

    @property
    def of_one_size(self) -> bool:
        shape = self.data.element_spec[0].shape
        return bool(shape.rank) and None not in shape[1:]

    def steps(self, order: Order | None) -> int:
        reader = read_dataset(self.data)
        return (reader and reader.size) or sum(1 for _ in self.data)

    def in_memory(self) -> ArrayExamples:
        """Returns arrays of one pass, and their classes: another pass may have another order."""
        parts = zip(*self.data.as_numpy_iterator(), strict=True)
        data = tuple(np.concatenate(part) for part in parts)
        classes = self.kind.classes_of(data[1], len(self.found.counts))
        weights = data[2] if len(data) == 3 else None
        names = self.class_names
        return ArrayExamples(self.kind, data, classes, self.found, self.batch_size, names, weights)

    def for_training(self, order: Order | None, seed: int) -> tuple[Any, None]:
        return self.data, None

    def in_order(self) -> Any:
        return self.data

    def batches(self, rows: np.ndarray | None = None) -> Parts:
        """Yields all batches; or the first examples of which there are as many of each class.

        The Dataset may shuffle, so that `rows` of one pass are others in the next. Of examples that
        may have several classes, it is as many.
        """
        if rows is None:
            yield from self.data.as_numpy_iterator()
            return
        several = self.classes.ndim > 1
        left = np.array([len(rows)]) if several else np.bincount(self.classes[rows])
        for x, y, *weights in self.data.as_numpy_iterator():
            chosen = []
            for row, label in enumerate(np.zeros(len(y), int) if several else y):
                if label < len(left) and left[label]:
                    left[label] -= 1
                    chosen.append(row)
            if chosen:
                yield tuple(part[chosen] for part in (x, y, *weights))
            if not left.any():
                return


class FileExamples(Examples):
    """Examples that stay on disk: `ImageFiles`, a `SegmentationFolder` or `TFRecords`."""

    data: Source

    def for_training(self, order: Order | None, seed: int) -> tuple[StoredBatches, None]:
        return StoredBatches.of(self.data, self.batch_size, order or seed), None

    def in_order(self) -> Any:
        return self._gathered(np.arange(self.size))

    def batches(self, rows: np.ndarray | None = None) -> Parts:
        rows = np.arange(self.size) if rows is None else rows
        yield from self._gathered(rows).as_numpy_iterator()

    def _gathered(self, rows: np.ndarray) -> Any:
        from kerasnorm.data import pipelines

        return pipelines.gathered(self.data.gatherer(), rows, self.batch_size)
