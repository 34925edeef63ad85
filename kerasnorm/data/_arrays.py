"""How the features and labels of examples are read."""

from typing import Any

import keras
import numpy as np


def to_array(name: str, data: Any) -> np.ndarray:
    """Returns an array-like, or a tensor of any backend, as a NumPy array, perhaps the very one."""
    try:
        return keras.ops.convert_to_numpy(data) if keras.ops.is_tensor(data) else np.asarray(data)
    except ValueError as error:
        raise ValueError(f"`{name}` could not be read as an array: {error}") from error


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


def encode_labels(name: str, y: Any, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the classes, sorted, and the index of each example's class among them.

    Args:
        name: the argument's name, for messages.
        y: `(N,)` or `(N, 1)` integers, bools, strings, or floats that are whole.
        count: how many there should be, if that is known.

    Raises:
        ValueError: if there are none, too many or too few, or they are no class labels.

    >>> classes, codes = encode_labels("y", ["owl", "cat", "owl"])
    >>> classes.tolist(), codes.tolist()
    (['cat', 'owl'], [1, 0, 1])
    """
    labels = to_array(name, y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not labels.size:
        raise ValueError(
            f"`{name}` should hold one label for each example, of shape (N,). Received: shape "
            f"{labels.shape}. One-hot rows become labels by `{name}.argmax(axis=1)`."
        )
    if count is not None and len(labels) != count:
        raise ValueError(
            f"`{name}` should have one label for each of the {count} examples. "
            f"Received: {len(labels)} labels."
        )
    if labels.dtype.kind == "O":
        labels = np.array(labels.tolist())
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
    if labels.dtype.kind not in "biuUf" or (
        labels.dtype.kind == "f" and not np.array_equal(labels, np.floor(labels))
    ):
        raise ValueError(
            f"`{name}` should hold integers or strings, the classes' labels. Received: "
            f"{labels[:3].tolist()}... of dtype {labels.dtype}."
        )
    return np.unique(labels, return_inverse=True)
