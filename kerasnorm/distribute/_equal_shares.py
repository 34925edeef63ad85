"""Checks batches for keras.distribution, which needs equal parts for all devices and processes.

If the parts of processes differ, JAX stops one process while another continues alone.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.backend.engine import everyones
from kerasnorm.distribute._arrays import are_arrays


def check(name: str, data: Any, batch_size: int | None, held_out: float | None = None) -> None:
    """Refuses data of which a batch cannot be divided equally.

    Args:
        name: Of the argument.
        data: Arrays, or a tf.data.Dataset of batches: on several processes one whose batches are
            known to be of one size.
        batch_size: Of arrays.
        held_out: The share of arrays that is for validation, the last ones. Defaults to None.

    Raises:
        ValueError: That says which size would fit.
    """
    distribution = keras.distribution.distribution()
    if distribution is None or data is None:
        return
    devices = distribution.device_mesh.devices.size
    if hasattr(data, "element_spec"):
        part = keras.tree.flatten(data.element_spec)[0].shape[0]
        if len(everyones(0, None)) > 1 and (part is None or part % devices):
            raise ValueError(_why(f"`{name}`", part or "unknown size", devices))
    elif are_arrays(data):
        total, batch_size = keras.tree.flatten(data)[0].shape[0], batch_size or 32
        first = int(total * (1 - (held_out or 0)))  # as Keras divides them
        parts = f", divided by `validation_split={held_out:g}`," if held_out else ""
        for size in (first, total - first):
            for part in (min(size, batch_size), size % batch_size):
                if part % devices:
                    raise ValueError(_why(f"`{name}` of {total} examples{parts}", part, devices))


def padded(x: Any, batch_size: int | None) -> tuple[Any, int | None]:
    """Returns arrays whose batches can be divided equally, and how many of the rows count.

    The last example is repeated. None: all rows of data of another kind count.

    Raises:
        ValueError: If the batch size is no multiple of the devices.
    """
    distribution = keras.distribution.distribution()
    if distribution is None or not are_arrays(x):
        return x, None
    devices, size = distribution.device_mesh.devices.size, keras.tree.flatten(x)[0].shape[0]
    batch_size = batch_size or 32
    if size >= batch_size and batch_size % devices:
        raise ValueError(_why("`x`", batch_size, devices))
    rows = np.minimum(np.arange(size + -size % devices), size - 1)
    return keras.tree.map_structure(lambda array: np.asarray(array)[rows], x), size


@contextlib.contextmanager
def naming_sizes() -> Iterator[None]:
    """Says of a batch of a Dataset that cannot be divided which sizes can."""
    try:
        yield
    except ValueError as error:
        distribution = keras.distribution.distribution()
        if distribution is None or not re.search("divisible|evenly divide", str(error)):
            raise
        devices = distribution.device_mesh.devices.size
        raise ValueError(_why("The data", "another size", devices)) from error


def _why(what, part, devices):
    return (
        f"{what} has a batch of {part}, which {devices} devices cannot share equally, as they have "
        f"to here. Choose a batch size that is a multiple of {devices}, and leave out the rest, as "
        "by `dataset.batch(size, drop_remainder=True)`."
    )
