"""A folder of images to draw from."""

import os
import pathlib
from typing import Any

import numpy as np

from kerasnorm._validation import as_int
from kerasnorm.imbalance._folders import class_files


class ImageFolder:
    """A folder with one sub-folder of images a class, for `resample`.

    Use it where the images do not fit in memory: only the paths are kept, and the images of a
    batch are read and decoded when it is made, several batches at once.

    Args:
        path: The folder; hidden sub-folders are left out.
        image_size: The images are resized to (image_size, image_size), antialiased.

    Attributes:
        class_names: The names of the K sub-folders, in alphabetical order.
        labels: int64 (N,), indices into `class_names`.
        paths: str (N,).
        size: N.

    Output shape:
        Batches of `(images, labels)`: float32 (B, image_size, image_size, 3), from 0 to 255, and
        int64 (B,).

    Raises:
        ValueError: If there is no such folder or no image in it.
        tf.errors.InvalidArgumentError: While batches are made, if a file cannot be decoded.

    Example:

    >>> import tempfile, keras, numpy as np
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name in ("cat", "dog"):
    ...     os.mkdir(f"{folder.name}/{name}")
    ...     keras.utils.save_img(f"{folder.name}/{name}/1.png", np.zeros((4, 6, 3)))
    >>> from kerasnorm.imbalance import ImageFolder, resample
    >>> images = ImageFolder(folder.name, image_size=8)
    >>> images.class_names
    ('cat', 'dog')
    >>> x, y = next(iter(resample(images, batch_size=2)))
    >>> tuple(x.shape)
    (2, 8, 8, 3)
    """

    def __init__(self, path: str | os.PathLike, image_size: int) -> None:
        self._image_size = as_int("image_size", image_size, low=1)
        files = class_files(pathlib.Path(path))
        self.class_names = tuple(files)
        self.paths = np.array([name for names in files.values() for name in names])
        self.labels = np.repeat(np.arange(len(files)), [len(names) for names in files.values()])
        self.size = len(self.paths)

    def counts(self) -> dict[str, int]:
        """Returns the number of images of each class, by its name."""
        found = np.bincount(self.labels, minlength=len(self.class_names))
        return dict(zip(self.class_names, found.tolist(), strict=True))

    def gatherer(self) -> Any:
        """Returns a function from a tensor of indices to a batch, for `tf.data.Dataset.map`."""
        import tensorflow as tf

        from kerasnorm.backend import pipelines

        load = pipelines.image_loader(self._image_size)
        with tf.device("CPU:0"):
            paths, labels = tf.constant(self.paths), tf.constant(self.labels)
        return lambda indices: (load(tf.gather(paths, indices)), tf.gather(labels, indices))
