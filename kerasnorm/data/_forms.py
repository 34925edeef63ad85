"""Converts labelled examples from the forms of other libraries."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.data._dataset import is_dataset, read_dataset

_NAMES = (("image", "label"), ("images", "labels"))  # tensorflow_datasets', Hugging Face's


def as_known_form(data: Any, name: str = "data") -> Any:
    """Returns arrays (x, y), a tf.data.Dataset of such pairs, or what `data` is.

    Dicts of "image" and "label" become pairs, also those in a Dataset. A torch DataLoader, and a
    list of batches, become a tf.data.Dataset, which reads them again in each pass.

    Args:
        data: What a user gives.
        name: The argument's name, for messages. Defaults to "data".

    Raises:
        ValueError: If it can be read only once, as a generator can.
    """
    if isinstance(data, dict):
        return _pair(data, name)
    if is_dataset(data):
        spec = data.element_spec
        return data.map(lambda example: _pair(example, name)) if isinstance(spec, dict) else data
    if isinstance(data, Iterator) and not isinstance(data, keras.utils.PyDataset):
        raise ValueError(
            f"`{name}` is a {type(data).__name__}, which can be read only once. Give arrays, a "
            "tf.data.Dataset (such as `tf.data.Dataset.from_generator`), a PyDataset, or a list of "
            "its batches."
        )
    if _is_loader(data) or _is_batches(data):
        return _as_dataset(lambda: iter(data), len(data), name)
    return data


def dataset_of(data: keras.utils.PyDataset, name: str) -> Any:
    """Returns a tf.data.Dataset of the batches of a PyDataset, which is told of its epochs."""
    reader = read_dataset(data, f"`{name}`")
    reader.check_end()
    reader.check_not_empty()

    def batches() -> Iterator[Any]:
        yield from reader.batches()
        data.on_epoch_end()

    return _as_dataset(batches, reader.size, name)


def _pair(example: dict[str, Any], name: str) -> tuple[Any, Any]:
    for image, label in _NAMES:
        if image in example and label in example:
            return example[image], example[label]
    raise ValueError(
        f"`{name}` is a dict, which should have the keys 'image' and 'label'. "
        f"Received: the keys {sorted(map(str, example))}."
    )


def _is_loader(data: Any) -> bool:
    return type(data).__module__.partition(".")[0] == "torch" and hasattr(data, "batch_sampler")


def _is_batches(data: Any) -> bool:
    return isinstance(data, list) and all(
        isinstance(batch, tuple) and len(batch) in (2, 3) and all(map(_is_array, batch))
        for batch in data
    )


def _is_array(part: Any) -> bool:
    return bool(getattr(part, "shape", ()))


def _as_dataset(passes: Callable[[], Iterator[Any]], size: int, name: str) -> Any:
    import tensorflow as tf

    first = next(passes(), None)
    if first is None:
        raise ValueError(f"`{name}` is empty: it has no examples and no labels.")

    def batches() -> Iterator[Any]:
        return (_arrays(batch, name) for batch in passes())

    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=tf.nest.map_structure(_spec, _arrays(first, name))
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(size))


def _arrays(batch: Any, name: str) -> Any:
    batch = _pair(batch, name) if isinstance(batch, dict) else tuple(batch)
    return keras.tree.map_structure(np.asarray, batch)


def _spec(array: np.ndarray) -> Any:
    import tensorflow as tf

    shape = (None, *array.shape[1:]) if array.ndim else ()
    kind = tf.string if array.dtype.kind in "US" else array.dtype
    return tf.TensorSpec(shape, kind)
