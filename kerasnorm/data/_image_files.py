"""Reads image files with one class each."""

import os
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from kerasnorm._listing import Listing
from kerasnorm._types import StrPath
from kerasnorm._validation import as_int, listed
from kerasnorm.data._arrays import to_numpy, without_objects
from kerasnorm.data._kept_files import DECODED, MEMORY, KeptFiles
from kerasnorm.data._label_checks import check_zero_one
from kerasnorm.data._members import as_rows
from kerasnorm.data._pictures import load_image, look_at


class ImageFiles:
    """Image files and their classes, for `resample` and `kerasnorm.fit`.

    Use it where the images do not fit in memory: those of a batch are decoded when it is made,
    several batches at once, and kept as they are resized. So no image is decoded twice, whatever
    passes over it: epochs, validation, evaluation, advice, other subsets. Where they do not fit in
    `memory`, they are in a file of the temporary folder, which later runs find again as long as
    paths, sizes and dates of all files are the same; see `kept_in`. It takes half of the free space
    at most: a warning says so when that is used up, and the images left are decoded in each pass.
    Pillow decodes: images are turned as their EXIF says, and of 16 bits the upper 8 are kept.

    Args:
        paths: The N files: BMP, GIF, JPEG, PNG, TIFF or WebP.
        labels: Indices into `class_names`, int (N,); or of images that may have several labels,
            rows of 0 and 1, (N, K).
        class_names: The names of the K classes.
        image_size: The images are resized to (image_size, image_size), antialiased.
        memory: Bytes of images to keep in memory, for each size. Defaults to 1 GiB, which is 7,133
            images of 224 × 224 pixels.
        parts: "train", "validation" or "test" for each image, (N,); None if nothing says it.
        groups: The name of what each image belongs to, (N,), such as a patient, which should be in
            one part; None if there are none.
        kept_in: A folder for the file of decoded images, which is then made whatever `memory` is.
            Files in it that no run has opened for 30 days are removed, and the oldest where a new
            one needs their room. None: `kerasnorm-<user>` in the temporary folder (TMPDIR).

    Attributes:
        paths: str (N,).
        labels: int64 (N,), or bool (N, K).
        class_names: A tuple of K names.
        image_size: An int.
        size: N.
        parts: str (N,), or None.
        groups: str (N,), or None.
        skipped: Number of skipped files by suffix, if a folder or table was listed.

    Output shape:
        Batches of `(images, labels)`: float32 (B, image_size, image_size, 3), from 0 to 255, and
        int64 (B,), or of several labels float32 (B, K).

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

    See also:
        `ImageFolder` and `ImageTable`, which find the files.
    """

    def __init__(
        self,
        paths: Sequence[StrPath],
        labels: Any,
        class_names: Sequence[str],
        image_size: int,
        memory: int = MEMORY,
        parts: Any = None,
        groups: Any = None,
        kept_in: StrPath | None = None,
    ) -> None:
        self.paths: np.ndarray = np.array([os.fspath(path) for path in paths])
        self.labels: np.ndarray = without_objects(to_numpy(labels, "labels"))
        self.class_names: tuple[str, ...] = tuple(map(str, class_names))
        self.image_size: int = as_int("image_size", image_size, low=1)
        self.size: int = len(self.paths)
        self.labels = _checked(self.labels, self.size, self.class_names)
        self.skipped: Counter[str] = Counter()
        self._memory = as_int("memory", memory, low=0)
        self.parts: np.ndarray | None = _of_each("parts", parts, self.size)
        self.groups: np.ndarray | None = _of_each("groups", groups, self.size)
        self._kept = KeptFiles(self.paths, load_image, (3,), "uint8", self._memory, kept_in)

    def counts(self) -> dict[str, int]:
        """Returns the number of images of each class, by its name."""
        several = self.labels.ndim == 2
        classes = len(self.class_names)
        found = self.labels.sum(axis=0) if several else np.bincount(self.labels, minlength=classes)
        return dict(zip(self.class_names, found.tolist(), strict=True))

    @property
    def alike(self) -> np.ndarray:
        """A number for each image, (N,), the same for those of one class, or of equal labels."""
        if self.labels.ndim == 1:
            return self.labels
        return np.unique(self.labels, axis=0, return_inverse=True)[1].reshape(-1)

    def subset(self, rows: Any, image_size: int | None = None) -> "ImageFiles":
        """Returns some of the files, by their indices or a mask, optionally with another size.

        Subsets of the same size share decoded images.
        """
        rows = np.asarray(rows)
        size, labels = image_size or self.image_size, self.labels[rows]
        parts, groups = (None if x is None else x[rows] for x in (self.parts, self.groups))
        part = ImageFiles(
            self.paths[rows], labels, self.class_names, size, self._memory, parts, groups
        )
        part._kept = self._kept.subset(rows)
        return part

    def with_labels(self, labels: np.ndarray, class_names: Sequence[str]) -> "ImageFiles":
        """Returns the same files with other numbers of their classes."""
        files = self.subset(np.arange(self.size))
        files.labels, files.class_names = labels, tuple(class_names)
        return files

    def with_stand_ins(self) -> "ImageFiles":
        """Returns the same files, with replacements for those that cannot be decoded.

        Another image of the same class replaces such a file, and a warning names it.
        """
        files = self.subset(np.arange(self.size))
        files._kept = files._kept.with_stand_ins(self.alike)
        return files

    def readable(self, decoded: int = DECODED) -> np.ndarray:
        """Looks at each file once and returns whether it can be decoded, bool (N,).

        Args:
            decoded: Up to this number, files are decoded and cached. Of more files only the first
                bytes are read, which show whether it is an image of a known format.
        """
        if self.size <= decoded:
            return self._kept.readable(np.arange(self.size), self.image_size)
        return look_at(self.paths.tolist())

    def gatherer(self) -> Any:
        """Returns a function from a tensor of indices to a batch, for `tf.data.Dataset.map`."""
        import tensorflow as tf

        kept, side = self._kept, self.image_size
        with tf.device("CPU:0"):
            several = self.labels.ndim == 2
            labels = tf.constant(self.labels.astype("float32") if several else self.labels)

        def gather(indices: Any) -> Any:
            images = tf.numpy_function(partial(kept.read, size=side), [indices], tf.uint8)
            images = tf.ensure_shape(images, [indices.shape[0], side, side, 3])
            return tf.cast(images, tf.float32), tf.gather(labels, indices)

        return gather


def listed_files(
    listing: Listing, image_size: int, memory: int, kept_in: StrPath | None
) -> tuple[Any, ...]:
    """Returns the arguments of `ImageFiles` for a listing."""
    number = {name: index for index, name in enumerate(listing.class_names)}
    if isinstance(listing.labels[0], str):
        labels = np.array([number[name] for name in listing.labels])
    else:
        found = [np.array([number[name] for name in names], int) for names in listing.labels]
        labels = as_rows(found, len(number))
    parts, groups = listing.parts, listing.groups
    return listing.paths, labels, listing.class_names, image_size, memory, parts, groups, kept_in


def _checked(labels: np.ndarray, size: int, names: tuple[str, ...]) -> np.ndarray:
    """Returns class numbers as int64 (N,), or rows of labels as bool (N, K)."""
    if labels.ndim == 2 and size and labels.shape == (size, len(names)):
        check_zero_one(labels)
        return labels > 0
    valid = size and labels.shape == (size,) and labels.dtype.kind in "iu"
    if not valid or labels.min() < 0 or labels.max() >= len(names):
        raise ValueError(
            f"There should be at least one image, and a label for each, from 0 to {len(names) - 1} "
            f"(for the classes {listed(names)}), or a row of {len(names)} labels. "
            f"Received: {size} paths, labels={labels!r}."
        )
    return labels.astype(np.int64)


def _of_each(name: str, values: Any, size: int) -> np.ndarray | None:
    if values is None:
        return None
    array = np.asarray(values)
    if array.shape != (size,):
        raise ValueError(
            f"`{name}` should have an entry for each of the {size} images. "
            f"Received: shape {array.shape}."
        )
    return array.astype(str)
