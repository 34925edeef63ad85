"""Reads images and masks in folders."""

import copy
import pathlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any

import numpy as np

from kerasnorm._listing import scene_files
from kerasnorm._types import StrPath
from kerasnorm._validation import as_int, listed
from kerasnorm.data._folders import read_mask
from kerasnorm.data._kept_files import DECODED, MEMORY, KeptFiles
from kerasnorm.data._label_checks import check_no_mark
from kerasnorm.data._members import as_rows
from kerasnorm.data._pictures import load_image, look_at


class SegmentationFolder:
    """Folders of images and masks with the same file names, for `resample` and `kerasnorm.fit`.

    Use it where the images do not fit in memory: the images and masks of a batch are read when it
    is made, several batches at once, and cached in their final size, as in `ImageFiles`. Masks are
    grey or palette images whose pixels are class numbers.

    Args:
        path: The folder that holds the two.
        image_size: Images and masks are resized to (image_size, image_size): images antialiased,
            masks to the nearest pixel, so that no other classes appear.
        images: The name of the folder of images. Defaults to "images".
        masks: The name of the folder of masks. Defaults to "masks".
        num_classes: K; None: up to the largest label.
        ignore_class: The label of pixels of no class, such as 255. Defaults to None.
        memory: Bytes of images to keep in memory, and as many of masks. Defaults to 1 GiB.
        kept_in: As in `ImageFiles`.
        contours: Whether the masks are pictures of contours, 0 and 255 (or 1), which become 0 and
            1. A pixel of a smaller picture is on a contour where any of its own is, so that thin
            ones stay whole.

    Attributes:
        read_classes: Returns the classes of the pixels of a mask, (H, W), given its path.
        paths: str (N,), the images.
        mask_paths: str (N,).
        labels: bool (N, K), the classes that each mask has; the masks are read once for it.
        size: N.
        class_names: The names of the classes, one a line of a file `classes.txt` beside the two
            folders; None without one.

    Output shape:
        Batches of `(images, masks)`: float32 (B, image_size, image_size, 3), from 0 to 255, and
        int64 (B, image_size, image_size).

    Raises:
        ValueError: If a folder is missing or empty, or an image has no mask or a mask no image. And
            from `labels`, if a mask cannot be read, or has a label that is no class.

    Example:

    >>> import keras, os, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> for name, channels in (("images", 3), ("masks", 1)):
    ...     os.mkdir(f"{folder}/{name}")
    ...     picture = np.full((4, 6, channels), 1)
    ...     keras.utils.save_img(f"{folder}/{name}/1.png", picture, scale=False)
    >>> from kerasnorm.imbalance import resample
    >>> scenes = SegmentationFolder(folder, image_size=8)
    >>> scenes.labels
    array([[False,  True]])
    >>> x, y = next(iter(resample(scenes, "repeat_factor", threshold=0.1, batch_size=1)))
    >>> tuple(x.shape), tuple(y.shape)
    ((1, 8, 8, 3), (1, 8, 8))

    See also:
        `ImageFolder`, for classes of images; `kerasnorm.recipe.fit`.
    """

    def __init__(
        self,
        path: StrPath,
        image_size: int,
        images: str = "images",
        masks: str = "masks",
        num_classes: int | None = None,
        ignore_class: int | None = None,
        memory: int = MEMORY,
        kept_in: StrPath | None = None,
        contours: bool = False,
    ) -> None:
        memory = as_int("memory", memory, low=0)
        self._image_size = as_int("image_size", image_size, low=1)
        self.num_classes: int | None = (
            None if num_classes is None else as_int("num_classes", num_classes, 1)
        )
        self.ignore_class: int | None = (
            None if ignore_class is None else as_int("ignore_class", ignore_class)
        )
        self.masks_folder: pathlib.Path = pathlib.Path(path, masks)
        pairs = scene_files(path, images, masks)
        self.paths: np.ndarray
        self.mask_paths: np.ndarray
        self.paths, self.mask_paths = (np.array(names) for names in zip(*pairs, strict=True))
        self.size: int = len(pairs)
        self._kept = KeptFiles(self.paths, load_image, (3,), "uint8", memory, kept_in)
        self.read_classes: Callable[[str], np.ndarray] = _read_mask
        load = _load_mask
        if contours:
            self.read_classes = partial(_read_contours, ignore_class=self.ignore_class)
            load = partial(_load_contours, ignore_class=self.ignore_class)
            self.num_classes = 2
        self._kept_masks = KeptFiles(self.mask_paths, load, (), "int32", memory, kept_in)

    @cached_property
    def labels(self) -> np.ndarray:
        """Returns the classes of each mask, bool (N, K)."""
        with ThreadPoolExecutor() as threads:
            read = partial(_classes_in, read=self.read_classes)
            present = list(threads.map(read, self.mask_paths.tolist()))
        present = [values[values != self.ignore_class] for values in present]
        largest = max((int(values.max(initial=-1)) for values in present), default=-1)
        if self.num_classes is None:
            check_no_mark(np.unique(np.concatenate(present)))
        classes = largest + 1 if self.num_classes is None else self.num_classes
        for path, values in zip(self.mask_paths, present, strict=True):
            if values.size and values.max() >= classes:
                raise ValueError(
                    f"Masks of {classes} classes should have the labels 0 to {classes - 1}. "
                    f"Received: {str(path)!r} with label {values.max()}. Pass `ignore_class`, or "
                    "another `num_classes`."
                )
        return as_rows(present, classes)

    @cached_property
    def class_names(self) -> tuple[str, ...] | None:
        """Returns the names in `classes.txt` beside the two folders; None if it is not there.

        Raises:
            ValueError: If it names fewer classes than the masks have.
        """
        path = self.masks_folder.parent / "classes.txt"
        if not path.exists():
            return None
        lines = map(str.strip, path.read_text(encoding="utf-8").splitlines())
        names, count = tuple(filter(None, lines)), self.labels.shape[1]
        if len(names) < count:
            raise ValueError(
                f"{str(path)!r} should name the {count} classes of the masks, one a line. "
                f"Received: {listed(names)}."
            )
        return names

    def subset(self, rows: Any, image_size: int | None = None) -> "SegmentationFolder":
        """Returns some of the pairs, by their indices or a mask, optionally with another size.

        The classes stay those of all masks, which are read for it.
        """
        part, rows = copy.copy(self), np.asarray(rows)
        part.num_classes = self.labels.shape[1]
        part.labels = self.labels[rows]
        part.paths, part.mask_paths = self.paths[rows], self.mask_paths[rows]
        part._kept, part._kept_masks = self._kept.subset(rows), self._kept_masks.subset(rows)
        part.size, part._image_size = len(part.paths), image_size or self._image_size
        return part

    def readable(self, decoded: int = DECODED) -> np.ndarray:
        """Returns whether each image can be decoded, bool (N,), as `ImageFiles.readable` does."""
        if self.size <= decoded:
            return self._kept.readable(np.arange(self.size), self._image_size)
        return look_at(self.paths.tolist())

    def gatherer(self) -> Any:
        """Returns a function from a tensor of indices to a batch, for `tf.data.Dataset.map`."""
        import tensorflow as tf

        side = self._image_size
        images = partial(self._kept.read, size=side)
        masks = partial(self._kept_masks.read, size=side)

        def gather(indices: Any) -> Any:
            x = tf.cast(tf.numpy_function(images, [indices], tf.uint8), tf.float32)
            y = tf.cast(tf.numpy_function(masks, [indices], tf.int32), tf.int64)
            shape = [indices.shape[0], side, side]
            return tf.ensure_shape(x, [*shape, 3]), tf.ensure_shape(y, shape)

        return gather


def _classes_in(path: str, read: Callable[[str], np.ndarray]) -> np.ndarray:
    return np.unique(read(path)).astype(np.int64)


def _read_mask(path: str) -> np.ndarray:
    """Returns the class of each pixel of a mask, (H, W)."""
    return read_mask(pathlib.Path(path))[0]


def _read_contours(path: str, ignore_class: int | None) -> np.ndarray:
    """Returns a picture of contours, 0 and 255 or 0 and 1, as 0 and 1, (H, W).

    Raises:
        ValueError: If it has other values, other than the `ignore_class`.
    """
    picture = _read_mask(path).astype("int32")
    left_out = np.zeros(picture.shape, bool) if ignore_class is None else picture == ignore_class
    wrong = picture[~left_out & ~np.isin(picture, (0, 1, 255))]
    if wrong.size:
        raise ValueError(
            f"The picture of contours {path!r} should have the values 0 and 255, or 0 and 1. "
            f"Received: {wrong[0]}. Write it without compression that blurs it, such as JPEG's."
        )
    return np.where(left_out, picture, picture > 0).astype("int32")


def _load_mask(path: str, size: int) -> np.ndarray:
    return _nearest(_read_mask(path), size)


def _load_contours(path: str, size: int, ignore_class: int | None) -> np.ndarray:
    picture = _read_contours(path, ignore_class)
    resized = _nearest(picture, size)
    if size >= max(picture.shape):
        return resized
    rows, columns = np.nonzero((picture == 1) & (ignore_class != 1))
    resized[rows * size // picture.shape[0], columns * size // picture.shape[1]] = 1
    return resized


def _nearest(mask: np.ndarray, side: int) -> np.ndarray:
    """Returns a mask (side, side) of the pixels nearest to the middles of its own."""
    rows, columns = (((np.arange(side) + 0.5) * size / side).astype(int) for size in mask.shape)
    return mask[rows[:, None], columns]
