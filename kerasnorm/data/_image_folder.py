"""Reads a folder of images."""

import pathlib

from kerasnorm._listing import list_folder
from kerasnorm._types import StrPath
from kerasnorm.data._image_files import ImageFiles, listed_files
from kerasnorm.data._kept_files import MEMORY


class ImageFolder(ImageFiles):
    """Folder with one sub-folder of images per class, as `ImageFiles`.

    Args:
        path: Path of the folder; hidden files are skipped. The classes are its sub-folders in
            alphabetical order; if it has the sub-folders `train/`, `val/` and `test/`, the classes
            are theirs, and they set `parts`.
        image_size: As in `ImageFiles`.
        memory, kept_in: As in `ImageFiles`.

    Raises:
        ValueError: If there is no such folder or no image in it.

    Example:

    >>> import keras, os, tempfile
    >>> import numpy as np
    >>> from kerasnorm.imbalance import resample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         os.mkdir(f"{folder}/{name}")
    ...         keras.utils.save_img(f"{folder}/{name}/1.png", np.zeros((4, 6, 3)))
    ...     images = ImageFolder(folder, image_size=8)
    ...     x, y = next(iter(resample(images, batch_size=2)))
    >>> images.class_names, tuple(x.shape)
    (('cat', 'dog'), (2, 8, 8, 3))

    See also:
        `ImageTable`, for a CSV file; `SegmentationFolder`, for masks; `resample`.
    """

    def __init__(
        self,
        path: StrPath,
        image_size: int,
        memory: int = MEMORY,
        kept_in: StrPath | None = None,
    ) -> None:
        listing = list_folder(pathlib.Path(path))
        super().__init__(*listed_files(listing, image_size, memory, kept_in))
        self.skipped = listing.skipped
