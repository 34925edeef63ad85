"""Inspects a tf.data.Dataset or a PyDataset: batched or not, length, structure."""

import dataclasses
import itertools
import sys
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

_UNBATCHED_ROWS = 1024


def is_dataset(data: Any) -> bool:
    """Whether `data` is a tf.data.Dataset; does not import TensorFlow to find out."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(data, tensorflow.data.Dataset)


@dataclasses.dataclass(frozen=True, eq=False)
class DatasetReader:
    """A tf.data.Dataset or a PyDataset, looked at once.

    Attributes:
        data: It.
        name: What messages call it.
        spec: Its element_spec; None of a PyDataset, which has batches.
        size: The number of its elements; None where that is unknown or infinite.
        endless: Whether it never ends.
    """

    data: Any
    name: str
    spec: Any
    size: int | None
    endless: bool

    def check_end(self, otherwise: str = "") -> None:
        """Refuses what never ends; `otherwise` says what else could be done about it."""
        if self.endless:
            raise ValueError(
                f"{self.name} never ends: take the elements of one epoch, `dataset.take(n)`"
                f"{otherwise}."
            )

    def check_not_empty(self) -> None:
        """Refuses what has no element, as far as that is known without reading it."""
        if self.size == 0:
            raise ValueError(empty(self.name))

    def batches(self) -> Iterable[Any]:
        """Returns the elements of one pass."""
        if self.spec is not None:
            return self.data
        # by their numbers: the iterators of some PyDatasets never end
        numbers = itertools.count() if self.endless else range(self.size)
        return (self.data[number] for number in numbers)

    def pair(self, single: bool = False) -> tuple[Any, Any]:
        """Returns the spec of x and y of a tf.data.Dataset; x is one tensor if `single`."""
        pair = isinstance(self.spec, tuple) and len(self.spec) in (2, 3)
        if not pair or (single and not hasattr(self.spec[0], "shape")):
            raise ValueError(
                f"{self.name} should be a Dataset of (x, y), or with sample weights of (x, y, w). "
                f"Received: element_spec={self.spec}."
            )
        return self.spec[:2]

    def labelled(self) -> tuple[Any, ...]:
        """Returns the spec of (x, y) or (x, y, w), where y is one dense tensor of known rank."""
        import tensorflow as tf

        spec = self.spec
        fits = isinstance(spec, tuple) and len(spec) in (2, 3)
        if not fits or not isinstance(spec[1], tf.TensorSpec) or spec[1].shape.rank is None:
            raise ValueError(
                f"{self.name} should yield (x, y) or (x, y, w), where y is one dense tensor of "
                "known rank (`tf.ensure_shape` sets it, `dataset.map` selects one output of "
                f"several). Received: element_spec={spec}."
            )
        return spec

    def in_batches(
        self, rank: int | None, batch_size: int, shuffle: int = 0, seed: int | None = None
    ) -> Any:
        """Returns a tf.data.Dataset of batches, of one of single examples or of batches.

        Args:
            rank: The axes of a batch of x; None: the dataset has batches.
            batch_size: Examples per batch, where it has none.
            shuffle: How many single examples are shuffled at a time; 0 leaves them. Defaults to 0.
            seed: Of their order. Defaults to None.
        """
        axes = keras.tree.flatten(self.spec[0])[0].shape.rank
        if None in (axes, rank) or axes == rank:
            return self.data
        if axes != rank - 1:
            raise ValueError(
                f"{self.name} should hold examples of {rank - 1} axes, or batches of them. "
                f"Received: element_spec={self.spec}."
            )
        data = self.data.shuffle(shuffle, seed=seed) if shuffle else self.data
        return data.batch(batch_size)

    def check_single_examples(self) -> tuple[Any, ...]:
        """Returns the spec of a tf.data.Dataset of single examples (x, y) or (x, y, w)."""
        spec = self.labelled()
        if spec[1].shape.rank and is_batched(spec):
            raise ValueError(
                f"{self.name} should yield single examples, but seems to yield batches: use "
                f"`dataset.unbatch()`. Received: element_spec={spec}."
            )
        return spec

    def one_by_one(self) -> "DatasetReader":
        """Returns the reader of single examples of a tf.data.Dataset that says it has batches.

        It says so where the first size of all its parts is not known, or where they are what
        `is_batched` takes for a batch of a known size, as with `drop_remainder`.
        """
        leaves = keras.tree.flatten(self.spec)
        shapes = [getattr(leaf, "shape", None) for leaf in leaves]
        if not all(shape is not None and shape.rank for shape in shapes):
            return self
        if not all(shape[0] is None for shape in shapes) and not is_batched(self.labelled()):
            return self
        single = self.data.unbatch()
        return dataclasses.replace(self, data=single, spec=single.element_spec, size=None)

    def labels(self) -> tuple[Iterable[Any], int | None]:
        """Returns the labels of a tf.data.Dataset in batches, and how many batches there are.

        They are read in one pass, and the rest of the examples is not made where it is not needed
        for them.
        """
        spec = self.labelled()
        labels = self.data.map(lambda x, y, *w: y)
        if not is_batched(spec):
            labels = labels.batch(_UNBATCHED_ROWS if spec[1].shape.rank < 2 else 1)
        size = int(labels.cardinality())
        return labels.as_numpy_iterator(), size if size >= 0 else None

    def in_memory(self) -> Any:
        """Returns the examples of a tf.data.Dataset of single ones as arrays."""
        import tensorflow as tf

        self.check_single_examples()
        self.check_not_empty()
        self.check_end(", or read it as a stream by saying how long an epoch is, `epoch_size=`")
        batch_size = self.size or _UNBATCHED_ROWS
        try:
            batches = list(self.data.batch(batch_size).as_numpy_iterator())
            if not batches:
                raise ValueError(empty(self.name))
            if len(batches) == 1:
                return batches[0]
            return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                f"{self.name} has examples that do not make one array: all should have the same "
                f"shape. Resize or pad them, or pass arrays. TensorFlow said: {error.message}"
            ) from error


def empty(name: str) -> str:
    """The text for a dataset without elements, whenever that is found."""
    return f"{name} is empty: it has no examples and no labels."


def read_dataset(data: Any, name: str = "The dataset") -> DatasetReader | None:
    """Returns the reader of a tf.data.Dataset or a PyDataset; None of what is neither."""
    if isinstance(data, keras.utils.PyDataset):
        return DatasetReader(data, name, None, data.num_batches, data.num_batches is None)
    if not is_dataset(data):
        return None
    size = int(data.cardinality())
    return DatasetReader(data, name, data.element_spec, size if size >= 0 else None, size == -1)


def is_batched(spec: tuple[Any, ...]) -> bool:
    """Whether `(x, y, ...)` of this spec is a batch of examples rather than one example.

    A batch has the same first dimension everywhere. So may one example: an image with its label
    map, or a one-hot row as long as x.
    """
    y = spec[1].shape
    others = [leaf.shape for leaf in keras.tree.flatten(spec[0]) if leaf.shape.rank is not None]
    if y.rank == 0 or any(x.rank == 0 for x in others):
        return False
    if y[0] is not None and any(x[0] != y[0] for x in others):
        return False
    if y.rank == 1 and y[0] is not None:
        return spec[1].dtype.is_integer and y[0] > 1
    return not any(_is_image_and_map(x, y) for x in others)


def _is_image_and_map(x: Any, y: Any) -> bool:
    x, y = x.as_list(), y.as_list()
    batch_of_sequences = x[0] is None and x[1:2] != [None]
    return len(x) == 3 and len(y) in (2, 3) and x[:2] == y[:2] and not batch_of_sequences
