"""A folder of images to draw from."""

import pathlib

import numpy as np

from kerasnorm._listing import class_files
from kerasnorm._types import StrPath
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data._kept_files import MEMORY


class ImageFolder(ImageFiles):
    """A folder with one sub-folder of images a class, as `ImageFiles`.

    Args:
        path: The folder; hidden sub-folders are left out. The classes are its sub-folders, in
            alphabetical order.
        image_size: As in `ImageFiles`.
        memory: As in `ImageFiles`.

    Raises:
        ValueError: If there is no such folder or no image in it.

    Example:

    >>> import keras, os, tempfile
    >>> from kerasnorm.imbalance import resample
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         os.mkdir(f"{folder}/{name}")
    ...         keras.utils.save_img(f"{folder}/{name}/1.png", np.zeros((4, 6, 3)))
    ...     images = ImageFolder(folder, image_size=8)
    ...     x, y = next(iter(resample(images, batch_size=2)))
    >>> images.class_names, tuple(x.shape)
    (('cat', 'dog'), (2, 8, 8, 3))
    """

    def __init__(self, path: StrPath, image_size: int, memory: int = MEMORY) -> None:
        files = class_files(pathlib.Path(path))
        paths = [name for names in files.values() for name in names]
        labels = np.repeat(np.arange(len(files)), [len(names) for names in files.values()])
        super().__init__(paths, labels, tuple(files), image_size, memory)
