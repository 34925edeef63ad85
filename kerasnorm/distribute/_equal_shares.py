"""Batches for keras.distribution, whose devices and processes all need equal parts of each.

Where the processes' parts differ, JAX stops one process and lets another go on alone.
"""

from typing import Any

import keras

from kerasnorm.backend.engine import everyones
from kerasnorm.distribute._arrays import are_arrays


def check(name: str, data: Any, batch_size: int | None) -> None:
    """Refuses data of which a batch cannot be divided equally.

    Args:
        name: of the argument.
        data: arrays, or a tf.data.Dataset of batches: on several processes one whose batches are
            known to be of one size.
        batch_size: of arrays.

    Raises:
        ValueError: that says which size would fit.
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
        size, batch_size = keras.tree.flatten(data)[0].shape[0], batch_size or 32
        for part in (min(size, batch_size), size % batch_size):
            if part % devices:
                raise ValueError(_why(f"`{name}` of {size} examples", part, devices))


def _why(what, part, devices):
    return (
        f"{what} has a batch of {part}, which {devices} devices cannot share equally, as they have "
        f"to here. Choose a batch size that is a multiple of {devices}, and leave out the rest, as "
        "by `dataset.batch(size, drop_remainder=True)`."
    )
