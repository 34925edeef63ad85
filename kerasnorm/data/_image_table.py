"""A table of images to draw from."""

import csv
import pathlib

from kerasnorm._types import StrPath
from kerasnorm._validation import listed
from kerasnorm.data._folders import IMAGES
from kerasnorm.data._image_files import ImageFiles


class ImageTable(ImageFiles):
    """A CSV file that names an image and its class in each row, as `ImageFiles`.

    Args:
        path: The CSV file, with a header, in UTF-8.
        image_size: As in `ImageFiles`.
        path_column: The name of the column of paths; relative ones are taken from the folder of
            the CSV file.
        label_column: The name of the column of classes, names of any kind; the classes are those
            that come up, in alphabetical order, numbers by their size.

    Raises:
        ValueError: If there is no such file or column, no row, or a row without a path, a class or
            an image file, said with its line.

    Example:

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "a.png").touch(), (folder / "b.png").touch()
    (None, None)
    >>> _ = (folder / "labels.csv").write_text("path,label\\na.png,owl\\nb.png,cat\\n")
    >>> table = ImageTable(folder / "labels.csv", image_size=64)
    >>> table.class_names, table.labels
    (('cat', 'owl'), array([1, 0]))
    """

    def __init__(
        self,
        path: StrPath,
        image_size: int,
        path_column: str = "path",
        label_column: str = "label",
    ) -> None:
        path = pathlib.Path(path)
        rows = _read_rows(path, path_column, label_column)
        numbers = all(name.removeprefix("-").isdecimal() for _, name in rows)
        names = sorted({name for _, name in rows}, key=int if numbers else str)
        number = {name: index for index, name in enumerate(names)}
        labels = [number[name] for _, name in rows]
        super().__init__([path.parent / each for each, _ in rows], labels, names, image_size)


def _read_rows(path: pathlib.Path, path_column: str, label_column: str) -> list[tuple[str, str]]:
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


def _check_row(path: pathlib.Path, line: int, image: str, label: str) -> None:
    where = f"Line {line} of {str(path)!r}"
    if not image or not label:
        raise ValueError(f"{where} should have a path and a class. Received: {image!r}, {label!r}.")
    if not image.lower().endswith(IMAGES):
        raise ValueError(
            f"{where} should name an image ({', '.join(IMAGES)}). Received: {image!r}."
        )
    if "\0" in image or not (path.parent / image).is_file():
        raise ValueError(f"{where} names {image!r}, and there is no such file.")
