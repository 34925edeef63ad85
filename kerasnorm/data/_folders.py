"""Image files in folders."""

import os
import pathlib
import struct

import numpy as np

from kerasnorm._validation import require

# what keras.utils.image_dataset_from_directory reads
IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
# what keeps the values of pixels
_MASKS = (".bmp", ".gif", ".png", ".tif", ".tiff")
_NO_MASKS = "(Pictures of classes, rather than masks, should be in one sub-folder a class.)"


def class_files(folder: pathlib.Path) -> dict[str, list[str]]:
    """Returns the paths of the images in the sub-folder of each class, both in order."""
    if not folder.is_dir():
        raise ValueError(f"There is no folder {str(folder)!r} to count the images of.")
    found = {entry.name: sorted(images_in(entry)) for entry in _sub_folders(folder)}
    if not any(found.values()):
        raise ValueError(
            f"The folder {str(folder)!r} should hold one sub-folder of images a class. Received: "
            f"sub-folders {list(found)}, with no file that ends in {', '.join(IMAGES)}."
        )
    return found


def mask_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the masks of a folder of them, in order; none if it has sub-folders of images."""
    if not folder.is_dir() or any(images_in(each) for each in _sub_folders(folder)):
        return []
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in _MASKS)


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


def _sub_folders(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")


def images_in(folder: pathlib.Path) -> list[str]:
    """Returns the paths of the images in a folder and those below it."""
    return [
        os.path.join(at, name)
        for at, _, names in os.walk(folder)
        for name in names
        if pathlib.Path(name).suffix.lower() in IMAGES
    ]
