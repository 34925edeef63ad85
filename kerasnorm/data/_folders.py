"""Reads the masks in folders."""

import pathlib
import struct

import numpy as np

from kerasnorm._validation import require

_NO_MASKS = "(Pictures of classes, rather than masks, should be in one sub-folder per class.)"


def read_mask(path: pathlib.Path) -> np.ndarray:
    """Returns the class of each pixel of a mask, (1, H, W)."""
    require("PIL")
    from PIL import Image

    errors = (OSError, EOFError, SyntaxError, ValueError, OverflowError, struct.error)
    try:
        with Image.open(path) as image:
            mask = np.asarray(image)  # of a palette image the indices, not the colours
    except (*errors, Image.DecompressionBombError) as error:
        raise ValueError(
            f"The mask {str(path)!r} could not be read: {error}. {_NO_MASKS}"
        ) from error
    if mask.ndim != 2:
        raise ValueError(
            "Masks should be grey or palette images, whose pixels are class numbers. Received: "
            f"{str(path)!r} with {mask.shape[-1]} channels. {_NO_MASKS}"
        )
    return mask[None]
