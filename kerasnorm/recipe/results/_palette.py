"""The colours of classes in pictures of label maps."""

import numpy as np


def palette() -> np.ndarray:
    """Returns 256 colours as PASCAL VOC has them, uint8 (256, 3): black first.

    >>> palette()[:3].tolist()
    [[0, 0, 0], [128, 0, 0], [0, 128, 0]]
    """
    places = np.arange(8)
    shifts = 3 * places + np.arange(3)[:, None]
    bits = (np.arange(256)[:, None, None] >> shifts) & 1
    return (bits << (7 - places)).sum(axis=-1).astype(np.uint8)
