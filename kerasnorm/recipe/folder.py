"""A folder of images, a sub-folder a class."""

import dataclasses
import os
from pathlib import Path

import numpy as np

from kerasnorm._validation import as_number, listed
from kerasnorm.imbalance._folders import IMAGES

Split = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class ImageFolder:
    """The readable images of a folder.

    Attributes:
        paths: (N,) of the image files.
        labels: (N,) indices into `class_names`.
        class_names: names of the sub-folders, in alphabetical order.
        unreadable: paths of the image files that were left out.
    """

    paths: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    unreadable: list[str]

    def split(self, share: float, seed: int) -> tuple[Split, Split]:
        """Returns (paths, labels) for training and held out, the same share of every class.

        At least one image a class is held out, and at least one is trained on.

        Raises:
            ValueError: if `share` is not between 0 and 1, or a class has a single image.
        """
        share = as_number("validation_split", share, 0, 1, interval="()")
        rng = np.random.default_rng(seed)
        train, held_out = [], []
        for label, name in enumerate(self.class_names):
            members = rng.permutation(np.flatnonzero(self.labels == label))
            if len(members) < 2:
                raise ValueError(
                    f"The class {name!r} has a single readable image: one to train on and one to "
                    "hold out are needed."
                )
            count = min(max(1, round(share * len(members))), len(members) - 1)
            held_out.append(members[:count])
            train.append(members[count:])
        return self._at(np.concatenate(train)), self._at(np.concatenate(held_out))

    def _at(self, index: np.ndarray) -> Split:
        return self.paths[index], self.labels[index]


def read_folder(folder: str | os.PathLike, strict: bool = False) -> ImageFolder:
    """Finds the images of a folder, and opens each of them once.

    Args:
        folder: holds a sub-folder for each class; hidden ones are left out.
        strict: whether an unreadable image is refused rather than left out.

    Raises:
        OSError: if it does not exist or is a file.
        ValueError: if it has fewer than two classes, a class without a readable image, or, with
            `strict`, an unreadable image.
    """
    from kerasnorm.backend import pipelines

    folder = Path(folder).expanduser()
    if not folder.exists():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}.")
    if not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is a file; a folder of images is needed.")
    classes = sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")
    found = {each.name: _images(each) for each in classes}
    if not any(found.values()):
        raise ValueError(
            f"{str(folder)!r} holds no images: a sub-folder of images ({', '.join(IMAGES)}) "
            "for each class is needed."
        )
    names = tuple(found)
    if len(names) < 2:
        raise ValueError(f"{str(folder)!r} has one class only, {names[0]!r}: two are needed.")
    paths = [path for images in found.values() for path in images]
    labels = np.repeat(np.arange(len(names)), [len(images) for images in found.values()])
    readable = pipelines.readable(paths)
    unreadable = [path for path, good in zip(paths, readable, strict=True) if not good]
    if unreadable and strict:
        raise ValueError(describe_unreadable(unreadable))
    counts = np.bincount(labels[readable], minlength=len(names))
    if not counts.all():
        empty = [name for name, count in zip(names, counts, strict=True) if count == 0]
        raise ValueError(f"{str(folder)!r} has classes without a readable image: {listed(empty)}.")
    return ImageFolder(np.array(paths)[readable], labels[readable], names, unreadable)


def describe_unreadable(paths: list[str], shown: int = 5) -> str:
    """Returns how many image files could not be read, and the names of the first ones.

    >>> describe_unreadable(["cats/1.jpg"])
    "1 unreadable image: 'cats/1.jpg'"
    """
    more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
    noun = "image" if len(paths) == 1 else "images"
    return f"{len(paths)} unreadable {noun}: {listed(paths[:shown])}{more}"


def _images(folder: Path) -> list[str]:
    files = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
    return sorted(str(file) for file in files if file.suffix.lower() in IMAGES)
