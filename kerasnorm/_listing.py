"""Lists the images that folders and tables name, without opening them."""

import csv
import os
from collections.abc import Callable
from pathlib import Path

from kerasnorm._types import StrPath
from kerasnorm._validation import listed

# what keras.utils.image_dataset_from_directory reads
IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
# what keeps the values of pixels
_MASKS = (".bmp", ".gif", ".png", ".tif", ".tiff")


def images_in(folder: Path) -> list[str]:
    """Returns the paths of the images in a folder and those below it."""
    return [
        os.path.join(at, name)
        for at, _, names in os.walk(folder)
        for name in names
        if Path(name).suffix.lower() in IMAGES
    ]


def class_files(folder: Path) -> dict[str, list[str]]:
    """Returns the paths of the images in the sub-folder of each class, both in order."""
    if not folder.is_dir():
        raise ValueError(f"There is no folder {str(folder)!r} to count the images of.")
    found = {entry.name: sorted(images_in(entry)) for entry in _sub_folders(folder)}
    if not any(found.values()):
        raise ValueError(
            f"The folder {str(folder)!r} should hold one sub-folder of images a class. Received: "
            f"sub-folders {list(found)}, with no file that ends in {', '.join(IMAGES)}."
        )
    return found


def mask_files(folder: Path) -> list[Path]:
    """Returns the masks of a folder of them, in order; none if it has sub-folders of images."""
    if not folder.is_dir() or any(images_in(each) for each in _sub_folders(folder)):
        return []
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in _MASKS)


def table_rows(path: Path, path_column: str, label_column: str) -> list[tuple[str, str]]:
    """Returns the path of the image and the class in each row of a CSV file."""
    if not path.is_file():
        raise ValueError(f"There is no CSV file {str(path)!r}.")
    columns = (path_column, label_column)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(
                    f"{str(path)!r} should begin with a header that has the columns "
                    f"{listed(columns)}. Received: {', '.join(reader.fieldnames or ['nothing'])}."
                )
            rows = []
            for row in reader:
                image, label = ((row[name] or "").strip() for name in columns)
                _check_row(path, reader.line_num, image, label)
                rows.append((image, label))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{str(path)!r} is no CSV file in UTF-8: {error}.") from error
    if not rows:
        raise ValueError(f"{str(path)!r} has a header and no rows.")
    return rows


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


def _sub_folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")


def _check_row(path: Path, line: int, image: str, label: str) -> None:
    where = f"Line {line} of {str(path)!r}"
    if not image or not label:
        raise ValueError(f"{where} should have a path and a class. Received: {image!r}, {label!r}.")
    if not image.lower().endswith(IMAGES):
        raise ValueError(
            f"{where} should name an image ({', '.join(IMAGES)}). Received: {image!r}."
        )
    if "\0" in image or not (path.parent / image).is_file():
        raise ValueError(f"{where} names {image!r}, and there is no such file.")


def _images(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.suffix.lower() in IMAGES]


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
