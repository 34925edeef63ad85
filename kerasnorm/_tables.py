"""Lists the images that a table names, without opening them."""

import csv
import dataclasses
from collections.abc import Sequence
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
        label: Of the classes; or several with a comma between them, one for each label, of 0 and 1.
        split: Of the parts: train, val or test. None: "split" if there is such a column.
        group: Of what stays together. None: "group" if there is such a column.
        separator: Between columns; None: a comma, semicolon, tab or bar, as the header has it.
        label_separator: What stands between the labels in a cell, of which there may be several or
            none; None: each cell has one class.
    """

    path: str = "path"
    label: str = "label"
    split: str | None = None
    group: str | None = None
    separator: str | None = None
    label_separator: str | None = None


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
    found = [name for label in labels for name in ([label] if isinstance(label, str) else label)]
    numbers = all(name.removeprefix("-").isdecimal() for name in found)
    names = tuple(sorted(set(found), key=int if numbers else str))
    if not names:
        raise ValueError(f"No image in {str(path)!r} has a label.")
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
    of_labels = _label_columns(columns, found)
    wanted = [columns.path, *of_labels]
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
        image, *cells = ((row[name] or "").strip() for name in (columns.path, *of_labels))
        label: Any = cells[0]
        if len(of_labels) > 1:
            label = _from_columns(where, of_labels, cells)
        elif columns.label_separator is not None:
            label = tuple(dict.fromkeys(filter(None, _split(label, columns.label_separator))))
        _check_row(where, path, image, label, separator)
        part = None if split is None else _part(where, split, row[split])
        together = None if group is None else (row[group] or "").strip() or image
        rows.append((str(path.parent / image), label, part, together))
    return rows


def _label_columns(columns: Columns, found: Sequence[str]) -> list[str]:
    """Returns the names of the columns of labels: one, or one for each label."""
    names = _split(columns.label, ",")
    several = columns.label not in found and len(names) > 1 and columns.label_separator is None
    return names if several else [columns.label]


def _split(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator)]


def _from_columns(where: str, names: Sequence[str], cells: Sequence[str]) -> tuple[str, ...]:
    """Returns the labels whose columns have 1."""
    wrong = [name for name, cell in zip(names, cells, strict=True) if cell not in ("0", "1")]
    if wrong:
        raise ValueError(
            f"{where} should have 0 or 1 in the column {wrong[0]!r}. "
            f"Received: {cells[names.index(wrong[0])]!r}."
        )
    return tuple(name for name, cell in zip(names, cells, strict=True) if cell == "1")


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
        if columns.path in names and set(_label_columns(columns, names)) <= set(names):
            return separator
    return SEPARATORS[0]


def _check_row(where: str, path: Path, image: str, label: Any, separator: str) -> None:
    one = isinstance(label, str)
    if not image or (one and not label):
        raise ValueError(f"{where} should have a path and a class. Received: {image!r}, {label!r}.")
    marks = _OF_SEVERAL if one else ""
    between = next((each for each in marks if each in label and each != separator), None)
    if between is not None and all(map(str.strip, label.split(between))):
        raise ValueError(
            f"{where} names several classes, {label!r}, and an image has one here. If it may have "
            f"several, say what stands between them, --label-separator {between!r} "
            f"(label_separator={between!r})."
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
