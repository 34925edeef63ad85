"""Reads the images of a path, and deals them out as the command does."""

import os
import warnings
from typing import Any

import numpy as np

from kerasnorm._existing import (
    EDGES_FOLDER,
    IMAGES_FOLDER,
    holds_scenes,
    masks_folder_of,
    shares_or_default,
)
from kerasnorm._types import StrPath
from kerasnorm._validation import listed
from kerasnorm.data._equal_files import equal_files
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data._read_images import read_images
from kerasnorm.data._segmentation_folder import SegmentationFolder
from kerasnorm.data._sound_images import describe_unreadable, sound_images
from kerasnorm.data.splitting._equal_apart import across, describe_equal
from kerasnorm.data.splitting._split import split
from kerasnorm.data.splitting._split_scenes import split_scenes

_SIZE = 160  # of the images, where a model takes any
_NAMES = ("validation", "test")


def read_paths(
    input_shape: Any,
    train: Any,
    validation: Any = None,
    test: Any = None,
    *,
    name: str = "train",
    seed: int | None = 0,
    ignore_class: int | None = None,
    hold_out: bool = True,
) -> tuple[Any, Any, Any]:
    """Returns the parts of the examples, with images in place of paths.

    A path is that of a folder with a sub-folder of images a class, perhaps in those of the parts,
    of a CSV file, or of a folder with images and their masks. If `train` is one, the parts that it
    has are `validation` and `test`, where these are None. One that has no parts is dealt out as
    `kerasnorm fit` does, where both are None.

    Args:
        input_shape: Of the model: (None, size, size, 3). Where it takes any size, it is 160.
        train, validation, test: Paths, or what else these are.
        name: What messages call `train`.
        seed: Decides what is held out; None is 0.
        ignore_class: Of masks, the label of pixels that have no class.
        hold_out: Whether images are held out of those without parts.

    Raises:
        OSError: If a path does not exist.
        ValueError: If the model does not take square RGB images, or what is at a path cannot be
            read, is a part twice, or has other classes than `train`.

    Warns:
        UserWarning: Of images that cannot be decoded, and are left out, and of equal ones in
            different classes or parts.
    """
    given = {name: train, "validation": validation, "test": test}
    found = {
        each: _read(each, data, input_shape, ignore_class) if _is_path(data) else data
        for each, data in given.items()
    }
    files, *others = found.values()
    if _is_path(train):
        files, *others = _dealt_out(name, files, others, seed or 0, hold_out)
    return files, *(
        _with_classes_of(files, part, each) for part, each in zip(others, _NAMES, strict=True)
    )


def _is_path(data: Any) -> bool:
    return isinstance(data, str | os.PathLike)


def _read(name: str, path: StrPath, input_shape: Any, ignore_class: int | None) -> Any:
    size = _size_for(name, input_shape)
    if holds_scenes(path):
        masks = masks_folder_of(path)
        more = {"ignore_class": ignore_class, "contours": masks == EDGES_FOLDER}
        scenes = SegmentationFolder(path, size, IMAGES_FOLDER, masks, **more)
        readable = scenes.readable()
        if not readable.all():
            raise ValueError(describe_unreadable(scenes.paths[~readable].tolist()))
        return scenes
    files = read_images(path)
    files, unreadable = sound_images(files.subset(np.arange(files.size), size))
    if unreadable:
        warnings.warn(f"`{name}`: skipped {describe_unreadable(unreadable)}", stacklevel=5)
    return files


def _size_for(name: str, shape: Any) -> int:
    """Returns the size of the images that a model takes."""
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] != 3 or shape[1] != shape[2]:
        raise ValueError(
            f"`{name}` is a path of images, for which the model should take square RGB images, "
            f"(None, size, size, 3). Received: inputs of {shape}."
        )
    return shape[1] or _SIZE


def _dealt_out(
    name: str, files: Any, others: list[Any], seed: int, hold_out: bool
) -> tuple[Any, Any, Any]:
    none_given = all(each is None for each in others)
    if isinstance(files, SegmentationFolder):
        if not hold_out or not none_given:
            return files, *others
        return split_scenes(files, *shares_or_default(None, None), seed)
    equal = equal_files(files.paths.tolist())
    for kind, values in (("classes", files.alike), ("parts", files.parts)):
        apart = [] if values is None else across(files, equal, values)
        if apart:
            warnings.warn(f"`{name}`: {describe_equal(apart, kind)}", stacklevel=4)
    if files.parts is None:
        if not hold_out or not none_given:
            return files, *others
        return split(files, None, None, seed, equal)
    for each, part in zip(_NAMES, others, strict=True):
        own = files.parts == each
        if part is not None and own.any():
            raise ValueError(
                f"`{name}` is a path whose images have a part for {each} of their own: leave out "
                f"`{each}`, or pass the path of the training images alone."
            )
    if others[0] is None and hold_out:
        train, drawn, last = split(files, None, None, seed, equal)
        return train, drawn, others[1] if last is None else last
    train, *own = (_of_part(files, each) for each in ("train", *_NAMES))
    return train, *(part if mine is None else mine for mine, part in zip(own, others, strict=True))


def _of_part(files: ImageFiles, part: str) -> ImageFiles | None:
    rows = files.parts == part
    return files.subset(rows) if rows.any() else None


def _with_classes_of(train: Any, part: Any, name: str) -> Any:
    """Returns images with the numbers that their classes have in `train`."""
    if not isinstance(train, ImageFiles) or not isinstance(part, ImageFiles):
        return part
    if part.class_names == train.class_names:
        return part
    number = {each: index for index, each in enumerate(train.class_names)}
    unknown = [each for each in part.class_names if each not in number]
    if unknown:
        raise ValueError(
            f"`{name}` has the classes {listed(unknown, most=5)}, which `train` has not: "
            f"{listed(train.class_names, most=5)}."
        )
    numbers = np.array([number[each] for each in part.class_names])
    if part.labels.ndim == 1:
        labels = numbers[part.labels]
    else:
        labels = np.zeros((part.size, len(number)), part.labels.dtype)
        labels[:, numbers] = part.labels
    return part.with_labels(labels, train.class_names)
