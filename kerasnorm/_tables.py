"""Lists the images that a table names, without opening them."""

import csv
import dataclasses
from pathlib import Path
from typing import Any, TextIO

from kerasnorm._listing import IMAGES, PARTS, Listing
from kerasnorm._validation import listed

TABLES = (".csv", ".tsv")
SEPARATORS = (",", ";", "\t", "|")
_OF_SEVERAL = "|;"  # what stands between several classes in a cell


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names the columns of a table of images, and their separator.

    Attributes:
        path: Of the files; relative ones are taken from the folder of the table.
        label: Of the classes.
        split: Of the parts: train, val or test. None: "split" if there is such a column.
        group: Of what stays together. None: "group" if there is such a column.
        separator: Between columns; None: a comma, semicolon, tab or bar, as the header has it.
    """

    path: str = "path"
    label: str = "label"
    split: str | None = None
    group: str | None = None
    separator: str | None = None


def is_table(path: Path) -> bool:
    """Returns whether a path is, by its name, that of a table."""
    return path.suffix.lower() in TABLES and not path.is_dir()


def list_table(path: Path, columns: Columns) -> Listing:
    """Returns the images of a CSV file; classes are in alphabetical order, numbers by their size.

    Raises:
        ValueError: If there is no such file or column, no row, or a row without a path, a class
            or an image file, of several classes or an unknown part, said with its line.
    """
    if not path.is_file():
        raise ValueError(f"There is no CSV file {str(path)!r}.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = _read(path, file, columns)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{str(path)!r} is no CSV file in UTF-8: {error}.") from error
    if not rows:
        raise ValueError(f"{str(path)!r} has a header and no rows.")
    paths, labels, parts, groups = (list(column) for column in zip(*rows, strict=True))
    numbers = all(name.removeprefix("-").isdecimal() for name in labels)
    names = tuple(sorted(set(labels), key=int if numbers else str))
    return Listing(
        paths,
        labels,
        names,
        None if parts[0] is None else parts,
        None if groups[0] is None else groups,
    )


def _read(path: Path, file: TextIO, columns: Columns) -> list[tuple[Any, ...]]:
    header = file.readline()
    file.seek(0)
    separator = _separator(header, columns)
    reader = csv.DictReader(file, delimiter=separator)
    found = list(reader.fieldnames or ())
    wanted = [columns.path, columns.label]
    wanted += [name for name in (columns.split, columns.group) if name is not None]
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ValueError(
            f"{str(path)!r} should begin with a header that has the columns {listed(wanted)}. "
            f"Received: {', '.join(found) or 'nothing'}. Name them with --path-column, "
            "--label-column, --split-column and --group-column, and set --separator."
        )
    split = columns.split or ("split" if "split" in found else None)
    group = columns.group or ("group" if "group" in found else None)
    rows = []
    for row in reader:
        where = f"Line {reader.line_num} of {str(path)!r}"
        image, label = ((row[name] or "").strip() for name in (columns.path, columns.label))
        _check_row(where, path, image, label, separator)
        part = None if split is None else _part(where, split, row[split])
        together = None if group is None else (row[group] or "").strip() or image
        rows.append((str(path.parent / image), label, part, together))
    return rows


def _separator(header: str, columns: Columns) -> str:
    """Returns what stands between the columns: what makes the header have them."""
    if columns.separator is not None:
        if len(columns.separator) != 1:
            raise ValueError(
                f"The separator should be one character. Received: {columns.separator!r}."
            )
        return columns.separator
    for separator in SEPARATORS:
        names = next(csv.reader([header], delimiter=separator), [])
        if columns.path in names and columns.label in names:
            return separator
    return SEPARATORS[0]


def _check_row(where: str, path: Path, image: str, label: str, separator: str) -> None:
    if not image or not label:
        raise ValueError(f"{where} should have a path and a class. Received: {image!r}, {label!r}.")
    between = next((each for each in _OF_SEVERAL if each in label and each != separator), None)
    if between is not None and all(map(str.strip, label.split(between))):
        raise ValueError(
            f"{where} should name one class. Received: {label!r}. For several classes per image "
            "use `fine_tune` on rows of 0 and 1, with a sigmoid for each class."
        )
    if not image.lower().endswith(IMAGES):
        raise ValueError(
            f"{where} should name an image ({', '.join(IMAGES)}). Received: {image!r}."
        )
    if "\0" in image or not (path.parent / image).is_file():
        raise ValueError(f"{where} names {image!r}, and there is no such file.")


def _part(where: str, column: str, value: str | None) -> str:
    given = (value or "").strip()
    if given.lower() not in PARTS:
        raise ValueError(
            f"{where} should say train, val or test in the column {column!r}. Received: {given!r}."
        )
    return PARTS[given.lower()]
