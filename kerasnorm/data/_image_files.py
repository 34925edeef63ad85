"""Image files with a class each, to draw from."""

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from kerasnorm._types import StrPath
from kerasnorm._validation import as_int, listed
from kerasnorm.data._arrays import to_numpy, without_objects
from kerasnorm.data._kept_files import MEMORY, KeptFiles


class ImageFiles:
    """Image files and their classes, for `resample` and `kerasnorm.fit`.

    Use it where the images do not fit in memory: those of a batch are decoded when it is made,
    several batches at once, and kept as they are resized, in memory or else in a temporary file.
    So no image is decoded twice, whatever passes over it: epochs, validation, evaluation, advice,
    other subsets. Half of the free space of the temporary folder is taken at most; a warning says
    so when that is used up, and the images left are decoded in each pass.

    Args:
        paths: The N files: BMP, GIF, JPEG or PNG.
        labels: Indices into `class_names`, int (N,).
        class_names: The names of the K classes.
        image_size: The images are resized to (image_size, image_size), antialiased.
        memory: Bytes of images to keep in memory, for each size. Defaults to 1 GiB, which is 1,783
            images of 224 × 224 pixels in float32.

    Attributes:
        paths: str (N,).
        labels: int64 (N,).
        class_names: A tuple of K names.
        image_size: An int.
        size: N.

    Output shape:
        Batches of `(images, labels)`: float32 (B, image_size, image_size, 3), from 0 to 255, and
        int64 (B,).

    Raises:
        ValueError: If there is no image, or `labels` do not fit.
        tf.errors.InvalidArgumentError: While batches are made, if a file cannot be decoded; see
            `readable`.

    Example:

    >>> files = ImageFiles(["a.png", "b.png", "c.png"], [0, 1, 1], ["cat", "dog"], image_size=64)
    >>> files.counts()
    {'cat': 1, 'dog': 2}
    >>> files.subset([0]).paths.tolist()
    ['a.png']
    """

    def __init__(
        self,
        paths: Sequence[StrPath],
        labels: Any,
        class_names: Sequence[str],
        image_size: int,
        memory: int = MEMORY,
    ) -> None:
        self.paths: np.ndarray = np.array([os.fspath(path) for path in paths])
        self.labels: np.ndarray = without_objects(to_numpy(labels, "labels"))
        self.class_names: tuple[str, ...] = tuple(map(str, class_names))
        self.image_size: int = as_int("image_size", image_size, low=1)
        self.size: int = len(self.paths)
        valid = self.size and self.labels.shape == (self.size,) and self.labels.dtype.kind in "iu"
        if not valid or self.labels.min() < 0 or self.labels.max() >= len(self.class_names):
            raise ValueError(
                "There should be at least one image, and a label for each, from 0 to "
                f"{len(self.class_names) - 1} (for the classes {listed(self.class_names)}). "
                f"Received: {self.size} paths, labels={labels!r}."
            )
        self.labels = self.labels.astype(np.int64)
        self._memory = as_int("memory", memory, low=0)
        self._kept = KeptFiles(self.paths, load_image, (3,), "float32", self._memory)

    def counts(self) -> dict[str, int]:
        """Returns the number of images of each class, by its name."""
        found = np.bincount(self.labels, minlength=len(self.class_names))
        return dict(zip(self.class_names, found.tolist(), strict=True))

    def subset(self, rows: Any, image_size: int | None = None) -> "ImageFiles":
        """Returns some of the files, by their numbers or a mask, perhaps of another size.

        What one of the subsets has decoded, the others of the same size do not decode again.
        """
        rows = np.asarray(rows)
        size, labels = image_size or self.image_size, self.labels[rows]
        part = ImageFiles(self.paths[rows], labels, self.class_names, size, self._memory)
        part._kept = self._kept.subset(rows)
        return part

    def readable(self) -> np.ndarray:
        """Opens each file once and returns whether it can be decoded, bool (N,)."""
        from kerasnorm.data import pipelines

        return pipelines.readable(self.paths.tolist())

    def gatherer(self) -> Any:
        """Returns a function from a tensor of indices to a batch, for `tf.data.Dataset.map`."""
        import tensorflow as tf

        kept, side = self._kept, self.image_size
        with tf.device("CPU:0"):
            labels = tf.constant(self.labels)

        def gather(indices: Any) -> Any:
            images = tf.numpy_function(partial(kept.read, size=side), [indices], tf.float32)
            shape = [indices.shape[0], side, side, 3]
            return tf.ensure_shape(images, shape), tf.gather(labels, indices)

        return gather


def load_image(path: str, size: int) -> np.ndarray:
    """Returns the image in a file, float32 (size, size, 3), from 0 to 255.

    Raises:
        ValueError: If it cannot be decoded.
    """
    from kerasnorm.data import pipelines

    return pipelines.load_image(path, size)
