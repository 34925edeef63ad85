"""Lists the images that folders name, without opening them."""

import dataclasses
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kerasnorm._types import StrPath
from kerasnorm._validation import listed

IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")  # Pillow reads them
# what keeps the values of pixels
_MASKS = (".bmp", ".gif", ".png", ".tif", ".tiff")

PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@dataclasses.dataclass(frozen=True)
class Listing:
    """The images of a folder or a table.

    Attributes:
        paths: Of the N images.
        labels: The names of their classes; where they have several, tuples of them.
        class_names: Those of the K classes, in order.
        parts: "train", "validation" or "test" for each image; None if nothing says it.
        groups: What should stay together, by name, for each image; None if nothing says it.
        skipped: How many files were left out, by their suffix or by what they are.
    """

    paths: list[str]
    labels: list[Any]
    class_names: tuple[str, ...]
    parts: list[str] | None = None
    groups: list[str] | None = None
    skipped: Counter[str] = dataclasses.field(default_factory=Counter)

    def counts(self) -> dict[str, int]:
        """Returns the number of images of each class."""
        each = ((name,) if isinstance(name, str) else name for name in self.labels)
        found = Counter(itertools.chain.from_iterable(each))
        return {name: found[name] for name in self.class_names}


def describe_skipped(skipped: Counter[str]) -> str:
    """Returns what was left out, most first.

    >>> describe_skipped(Counter({".txt": 1, ".heic": 3}))
    '3 .heic, 1 .txt'
    """
    return ", ".join(f"{count} {what}" for what, count in skipped.most_common())


def images_in(folder: Path, skipped: Counter[str] | None = None) -> list[str]:
    """Returns the paths of the images in a folder and those below it; hidden ones are none.

    What is no image is counted in `skipped`, by its suffix.
    """
    found = []
    for at, name in _walk(folder):
        suffix = os.path.splitext(name)[1].lower()
        if suffix in IMAGES:
            found.append(os.path.join(at, name))
        elif skipped is not None:
            skipped[suffix or "without a suffix"] += 1
    return found


def list_folder(folder: Path) -> Listing:
    """Returns the images in the sub-folder of each class, both in order.

    The classes may be in folders of parts, `train/`, `val/` (`valid/`, `validation/`, `dev/`) and
    `test/`, which are the split then.

    Raises:
        ValueError: If there is no such folder, or no image in a sub-folder.
    """
    if not folder.is_dir():
        raise ValueError(f"There is no folder {str(folder)!r} to count the images of.")
    skipped: Counter[str] = Counter()
    inside = _sub_folders(folder)
    parts = _folders_of_parts(inside)
    rows = []  # path, class, part
    names: dict[str, None] = {}
    for part, at in parts.items() or {"": folder}.items():
        for entry in _sub_folders(at):
            names[entry.name] = None
            rows += [(path, entry.name, part) for path in sorted(images_in(entry, skipped))]
        _count_beside(at, skipped)
    others = [each.name for each in inside if parts and each not in parts.values()]
    if others:
        skipped[f"folders beside the parts ({listed(others, most=5)})"] += len(others)
        _count_beside(folder, skipped)
    if not rows:
        raise ValueError(
            f"The folder {str(folder)!r} should hold one sub-folder of images per class. Received: "
            f"sub-folders {list(names)}, with no file that ends in {', '.join(IMAGES)}."
        )
    paths, labels, of_part = (list(column) for column in zip(*rows, strict=True))
    found = of_part if parts else None
    return Listing(paths, labels, tuple(sorted(names)), found, None, skipped)


def _folders_of_parts(folders: Sequence[Path]) -> dict[str, Path]:
    """Returns the folders of the parts by part; none if the folders are of classes."""
    named = [each for each in folders if each.name.lower() in PARTS]
    parts = {PARTS[each.name.lower()]: each for each in named}
    if "train" not in parts or len(parts) < 2 or not all(map(_holds_classes, named)):
        return {}
    if len(parts) < len(named):
        raise ValueError(
            f"Each part should have one folder. Received: {listed(each.name for each in named)}."
        )
    return {part: parts[part] for part in dict.fromkeys(PARTS.values()) if part in parts}


def _holds_classes(folder: Path) -> bool:
    walked = (name for each in _sub_folders(folder) for _, name in _walk(each))
    return any(name.lower().endswith(IMAGES) for name in walked)


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    """Yields folder and name of each file in a folder and those below it that is not hidden."""
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if _is_shown(name)]
        yield from ((at, name) for name in filter(_is_shown, names))


def _count_beside(folder: Path, skipped: Counter[str]) -> None:
    """Counts the images that lie beside the folders of the classes, and so have none."""
    found = sum(1 for each in folder.iterdir() if _is_image(each))
    if found:
        skipped[f"images in no class's folder, in {str(folder)!r}"] += found


def mask_files(folder: Path) -> list[Path]:
    """Returns the masks of a folder of them, in order; none if it has sub-folders of images."""
    if not folder.is_dir() or _holds_classes(folder):
        return []
    files = (file for file in folder.iterdir() if _is_shown(file.name))
    return sorted(file for file in files if file.suffix.lower() in _MASKS)


def scene_files(path: StrPath, images: str, masks: str) -> list[tuple[str, str]]:
    """Returns each image of a folder of them with its mask of the same name, in order."""
    found = _by_stem(Path(path, images), _images), _by_stem(Path(path, masks), mask_files)
    alone = found[0].keys() ^ found[1].keys()
    if alone:
        raise ValueError(
            f"Each image in {str(path)!r} should have a mask of its name, and each mask an "
            f"image. Received without the other: {listed(sorted(alone), most=5)}."
        )
    return [(found[0][stem], found[1][stem]) for stem in sorted(found[0])]


def _is_shown(name: str) -> bool:
    return not name.startswith(".") and name != "__MACOSX"


def _is_image(file: Path) -> bool:
    return _is_shown(file.name) and file.suffix.lower() in IMAGES and file.is_file()


def _sub_folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and _is_shown(each.name))


def _images(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if _is_image(file)]


def _by_stem(folder: Path, find: Callable[[Path], list[Path]]) -> dict[str, str]:
    """Returns the paths of the files by their names without endings."""
    if not folder.is_dir():
        raise ValueError(f"There is no folder {str(folder)!r}.")
    files = find(folder)
    if not files:
        raise ValueError(f"The folder {str(folder)!r} has no pictures that are read here.")
    found: dict[str, str] = {}
    for file in sorted(files):
        if file.stem in found:
            raise ValueError(
                f"Two files in {str(folder)!r} have the name {file.stem!r}: {found[file.stem]!r} "
                f"and {str(file)!r}. Remove one of them."
            )
        found[file.stem] = str(file)
    return found
