"""Converts arrays and tensors to NumPy."""

import numbers
from typing import Any

import keras
import numpy as np


def to_numpy(data: Any, name: str | None = None) -> np.ndarray:
    """Returns an array-like, or a tensor of any backend, as a NumPy array, perhaps the very one.

    Args:
        data: What to read.
        name: The argument's name, for messages. Defaults to None.

    Raises:
        ValueError: If it is ragged, or a tensor without values.
    """
    given = f"A {type(data).__name__}" if name is None else f"`{name}`"
    if hasattr(data, "ragged_rank"):  # Keras would fill its rows up by 0
        raise ValueError(
            f"{given} could not be read as an array: it is a RaggedTensor, whose rows have several "
            "lengths. Pad them as they should be (`to_tensor`)."
        )
    try:
        return keras.ops.convert_to_numpy(data) if keras.ops.is_tensor(data) else np.asarray(data)
    except (NotImplementedError, TypeError) as error:  # TensorFlow's and JAX' for tracers
        raise ValueError(
            f"A tensor with values is needed. Received: {data!r}, as inside a compiled function; "
            "on tf.data pipelines use `ClassWeights.map`."
        ) from error
    except ValueError as error:
        raise ValueError(f"{given} could not be read as an array: {error}") from error


def without_objects(array: np.ndarray) -> np.ndarray:
    """Returns numbers that pandas holds as objects in a dtype of numbers, others as they are.

    >>> without_objects(np.array([1, 2], dtype=object)).dtype.kind
    'i'
    """
    if array.dtype.kind == "O" and array.size and all(map(_is_number, array.flat)):
        return np.array(array.tolist())
    return array


def _is_number(item: Any) -> bool:
    return isinstance(item, numbers.Real | np.bool_)


def count_examples(x: Any) -> int:
    """Returns how many examples there are in an array, or a dict or list of arrays."""
    arrays = keras.tree.flatten(x)
    lengths = {len(array) if getattr(array, "shape", ()) else None for array in arrays}
    if len(lengths) != 1 or None in lengths:
        raise ValueError(
            "`x` should be an array of examples, or a dict or list of arrays of the same length. "
            f"Received: {type(x).__name__} of lengths {sorted(lengths - {None})}."
        )
    return lengths.pop()
