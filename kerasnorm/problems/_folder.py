"""Images with a class each, in a folder or a table, to train and to judge a model with."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from kerasnorm._existing import check_classes, check_images
from kerasnorm._listing import describe_skipped
from kerasnorm._tables import Columns
from kerasnorm._types import StrPath
from kerasnorm._validation import listed
from kerasnorm.data import picture_sizes
from kerasnorm.imbalance import ImageFiles, ImageFolder, ImageTable

_ANY_SIZE = 1  # until the model says which
_SHOWN = 6  # classes, in a line


def read_images(path: StrPath, columns: Columns | None = None) -> ImageFiles:
    """Finds images; none is opened.

    Args:
        path: A folder that holds a sub-folder for each class, perhaps in those of the parts, or a
            CSV file.
        columns: of the CSV file.

    Raises:
        OSError: if it does not exist or is another file.
        ValueError: if it has fewer than two classes, or what `ImageFolder` and `ImageTable` refuse.
    """
    path = check_images(path)
    if path.is_dir():
        files: ImageFiles = ImageFolder(path, _ANY_SIZE)
    else:
        columns = columns or Columns()
        files = ImageTable(
            path,
            _ANY_SIZE,
            columns.path,
            columns.label,
            split_column=columns.split,
            group_column=columns.group,
            separator=columns.separator,
        )
    check_classes(path, files.class_names)
    return files


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
    found = np.bincount(files.labels[readable], minlength=len(files.class_names))
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


def describe_counts(counts: dict[str, int]) -> str:
    """Returns how many examples the classes have, the largest first.

    >>> describe_counts({"cat": 3, "dog": 20})
    '23 images of 2 classes (dog 20, cat 3)'
    """
    order = sorted(counts, key=lambda name: -counts[name])
    named = [f"{name} {counts[name]}" for name in order]
    if len(named) > _SHOWN:
        named = [*named[: _SHOWN - 1], "…", named[-1]]
    total = sum(counts.values())
    return f"{total} images of {len(counts)} classes ({', '.join(named)})"


def describe_parts(parts: Sequence[ImageFiles | None]) -> str:
    """Returns how many examples are for training, validation and test."""
    names = ("train", "validation", "test")
    found = [f"{name} {part.size}" for name, part in zip(names, parts, strict=True) if part]
    return ", ".join(found)


def describe_sizes(paths: list[str]) -> str:
    """Returns the smallest and the largest height × width of some of the images."""
    sizes = sorted(picture_sizes(paths), key=lambda size: size[0] * size[1])
    if not sizes:
        return "images of unknown sizes"
    low, high = (f"{height}×{width}" for height, width in (sizes[0], sizes[-1]))
    return f"images of {low}" + ("" if low == high else f" to {high}")


def describe_left_out(skipped: Counter[str]) -> str:
    """Returns what was left out, as the end of a line; nothing if nothing was."""
    return f"; skipped {describe_skipped(skipped)}" if skipped else ""
