"""Decodes images by Pillow, and looks at their first bytes."""

import os
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnorm._validation import require
from kerasnorm.data._peeking import peek

# what Pillow raises of damaged files
_DAMAGED = (OSError, EOFError, SyntaxError, ValueError, OverflowError, struct.error, MemoryError)
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0")


def load_image(path: str, size: int) -> np.ndarray:
    """Returns the image in a file, uint8 (size, size, 3), turned as its EXIF says.

    It is resized antialiased. Of several images in a file it is the first, transparency is left
    out, and of 16 bits the upper 8 are kept.

    Raises:
        ValueError: If it cannot be decoded.
    """
    return read_picture(path, lambda image: _as_rgb(image, size), "image")


def read_picture(path: str, read: Callable[[Any], np.ndarray], kind: str) -> np.ndarray:
    """Opens a file by Pillow, and returns what `read` makes of it.

    Raises:
        ValueError: If it cannot be decoded.
    """
    require("PIL")
    from PIL import Image

    try:
        with Image.open(path) as image:
            return read(image)
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        raise ValueError(f"The {kind} {path!r} could not be decoded: {error}.") from error


def _as_rgb(image: Any, size: int) -> np.ndarray:
    from PIL import Image, ImageOps

    image.draft("RGB", (size, size))  # JPEG: decodes as few pixels as the size needs
    if image.getexif().get(_ORIENTATION, 1) != 1:
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = Image.fromarray(_as_bytes(np.asarray(image), image.mode))
    if image.mode != "RGB":
        image = image.convert("RGB")
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))


_ORIENTATION = 0x0112


def _as_bytes(pixels: np.ndarray, mode: str) -> np.ndarray:
    """Returns grey pixels of 16 bits, or floats from 0 to 1 or to 255, as bytes."""
    if mode == "F":
        return np.clip(pixels * (255 if pixels.max() <= 1 else 1), 0, 255).astype("uint8")
    high = pixels.max() > 255 or mode != "I"
    return np.clip(pixels // 256 if high else pixels, 0, 255).astype("uint8")


def _begins_as_image(file: int) -> bool:
    """Returns whether a file begins as one of the formats that are read does."""
    start = os.read(file, 12)
    return start.startswith(_STARTS) or (start[:4] == b"RIFF" and start[8:] == b"WEBP")


def look_at(paths: list[str]) -> np.ndarray:
    """Returns whether each file begins as an image does, bool (N,)."""
    return np.array(peek(paths, _begins_as_image), dtype=bool)


def picture_sizes(paths: list[str], most: int = 200) -> list[tuple[int, int]]:
    """Returns height and width of some of the images, as they are stored; only headers are read."""
    require("PIL")
    from PIL import Image

    found = []
    for path in paths[:: max(len(paths) // most, 1)]:
        try:
            with Image.open(path) as image:
                found.append((image.height, image.width))
        except (*_DAMAGED, Image.DecompressionBombError):
            continue
    return found
