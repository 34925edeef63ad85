"""Images with a class each, in a folder or a table, to train and to judge a model with."""

import numpy as np

from kerasnorm._existing import check_classes, check_images, check_shares
from kerasnorm._types import StrPath
from kerasnorm._validation import listed
from kerasnorm.imbalance import ImageFiles, ImageFolder, ImageTable

_ANY_SIZE = 1  # until the model says which


def read_images(path: StrPath, strict: bool = False) -> tuple[ImageFiles, list[str]]:
    """Finds images, and opens each of them once.

    Args:
        path: a folder that holds a sub-folder for each class, or a CSV file with the columns
            "path" and "label".
        strict: whether an unreadable image is refused rather than left out.

    Returns:
        The images that can be read, and the paths of the others.

    Raises:
        OSError: if it does not exist or is another file.
        ValueError: if it has fewer than two classes, a class without a readable image, or, with
            `strict`, an unreadable image.
    """
    path = check_images(path)
    files: ImageFiles = (ImageFolder if path.is_dir() else ImageTable)(path, _ANY_SIZE)
    check_classes(path, files.class_names)
    readable = files.readable()
    unreadable = files.paths[~readable].tolist()
    if unreadable and strict:
        raise ValueError(describe_unreadable(unreadable))
    found = np.bincount(files.labels[readable], minlength=len(files.class_names))
    if not found.all():
        empty = [files.class_names[k] for k in np.flatnonzero(found == 0)]
        raise ValueError(f"{str(path)!r} has classes without a readable image: {listed(empty)}.")
    return files.subset(readable), unreadable


def split(
    files: ImageFiles, validation: float, test: float, seed: int
) -> tuple[ImageFiles, ImageFiles, ImageFiles | None]:
    """Returns images to train on, to choose the best epoch by, and to judge by, of every class.

    Each part has at least one image of a class; the last is None if its share is 0.

    Raises:
        ValueError: if a share is out of range, or a class has too few images.
    """
    validation, test = check_shares(validation, test)
    rng = np.random.default_rng(seed)
    shares = [validation, test] if test else [validation]
    parts: list[list[np.ndarray]] = [[], [], []]
    for label, name in enumerate(files.class_names):
        members = rng.permutation(np.flatnonzero(files.labels == label))
        if len(members) <= len(shares):
            raise ValueError(
                f"The class {name!r} has too few readable images, {len(members)}: one to train on "
                f"and {len(shares)} to hold out are needed."
            )
        counts, left = [], len(members) - 1  # one is to train on
        for later, share in zip(range(len(shares))[::-1], shares, strict=True):
            counts.append(min(max(1, round(share * len(members))), left - later))
            left -= counts[-1]
        for part, chosen in zip(parts, np.split(members, np.cumsum(counts)), strict=False):
            part.append(chosen)
    held_out = [files.subset(np.concatenate(part)) for part in parts[: len(shares)]]
    train = files.subset(np.concatenate(parts[len(shares)]))
    return train, held_out[0], held_out[1] if test else None


def describe_unreadable(paths: list[str], shown: int = 5) -> str:
    """Returns how many image files could not be read, and the names of the first ones.

    >>> describe_unreadable(["cats/1.jpg"])
    "1 unreadable image: 'cats/1.jpg'"
    """
    noun = "image" if len(paths) == 1 else "images"
    return f"{len(paths)} unreadable {noun}: {listed(paths, most=shown)}"
