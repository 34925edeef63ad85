"""Leaves out the images that cannot be read."""

import numpy as np

from kerasnorm._validation import listed
from kerasnorm.data._image_files import ImageFiles


def sound_images(files: ImageFiles, strict: bool = False) -> tuple[ImageFiles, list[str]]:
    """Leaves out the images that cannot be read.

    Of a few images all are decoded for it, and kept; of many only the first bytes are read, and one
    that turns out to be damaged later is replaced by another of its class, with a warning.

    Args:
        files: the images, of the size that is needed.
        strict: whether an unreadable image is refused rather than left out. All are decoded first.

    Returns:
        The images that can be read, and the paths of the others.

    Raises:
        ValueError: if a class has no readable image, or, with `strict`, an image is unreadable.
    """
    readable = files.readable(files.size) if strict else files.readable()
    unreadable = files.paths[~readable].tolist()
    if unreadable and strict:
        raise ValueError(describe_unreadable(unreadable))
    labels = files.labels[readable]
    several = labels.ndim == 2
    classes = len(files.class_names)
    found = labels.sum(axis=0) if several else np.bincount(labels, minlength=classes)
    if not found.all():
        empty = [files.class_names[k] for k in np.flatnonzero(found == 0)]
        raise ValueError(f"There are classes without a readable image: {listed(empty)}.")
    return files.subset(readable).with_stand_ins(), unreadable


def describe_unreadable(paths: list[str], shown: int = 5) -> str:
    """Returns how many image files could not be read, and the names of the first ones.

    >>> describe_unreadable(["cats/1.jpg"])
    "1 unreadable image: 'cats/1.jpg'"
    """
    noun = "image" if len(paths) == 1 else "images"
    return f"{len(paths)} unreadable {noun}: {listed(paths, most=shown)}"
