"""The weights of examples, at every door."""

from typing import Any

import numpy as np

from kerasnorm.data._arrays import to_numpy, without_objects
from kerasnorm.data._dataset import is_dataset

_NOT_USED = (
    "`{name}` has sample weights, (x, y, w), which are not used by {by}: leave them out, and weigh "
    "classes by `class_weight` or the recipe's imbalance."
)


def read_weights(weights: Any, count: int, name: str) -> np.ndarray:
    """Returns the weights of examples, float32 (N,).

    Args:
        weights: Numbers (N,) or (N, 1), finite, not negative and not all 0.
        count: N.
        name: The argument that has them, for messages.

    Raises:
        ValueError: If they are something else.
    """
    array = without_objects(to_numpy(weights, name))
    flat = array.reshape(-1) if array.size == len(array) and array.ndim == 2 else array
    if flat.shape != (count,) or flat.dtype.kind not in "biuf":
        raise ValueError(
            f"The sample weights of `{name}` should be one for each of the {count} examples, "
            f"numbers (N,). Received: shape {array.shape}, dtype {array.dtype}. Weights of pixels "
            "are given by `class_weight` or the loss."
        )
    found = flat.astype("float32")
    good = np.isfinite(found) & (found >= 0)
    if not good.all() or not found.any():
        wrong = found[~good][0] if not good.all() else 0
        raise ValueError(
            f"The sample weights of `{name}` should be finite, not negative and not all 0. "
            f"Received: {wrong:g}."
        )
    return found


def check_unweighted(data: Any, name: str, by: str) -> None:
    """Refuses examples with sample weights, where none are used.

    Args:
        data: What a user gives.
        name: The argument's name.
        by: What does not use them.

    Raises:
        ValueError: That says what to do.
    """
    spec = data.element_spec if is_dataset(data) else data
    if isinstance(spec, tuple) and len(spec) == 3:
        raise ValueError(_NOT_USED.format(name=name, by=by))
