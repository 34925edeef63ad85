"""Reads a table of images."""

import pathlib

from kerasnorm._tables import Columns, list_table
from kerasnorm._types import StrPath
from kerasnorm.data._image_files import ImageFiles, listed_files
from kerasnorm.data._kept_files import MEMORY


class ImageTable(ImageFiles):
    """CSV file that names an image and its class in each row, as `ImageFiles`.

    Args:
        path: Path of the CSV file, with a header, in UTF-8.
        image_size: As in `ImageFiles`.
        path_column: Name of the column of paths; relative ones are taken from the folder of
            the CSV file. Defaults to "path".
        label_column: Name of the column of classes; the classes are the names found, in
            alphabetical order, or numbers in ascending order. Defaults to "label".
        memory: As in `ImageFiles`.
        split_column: Name of the column with train, val or test, which sets `parts`. Defaults to
            None: "split" if there is such a column.
        group_column: Name of the column of `groups`. Defaults to None: "group" if there is such a
            column.
        separator: Character between the columns. Defaults to None: a comma, semicolon, tab or bar,
            as in the header.

    Raises:
        ValueError: If there is no such file or column, no row, or a row without a path, a class or
            an image file, with several classes or an unknown part, said with its line.

    Example:

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "a.png").touch(), (folder / "b.png").touch()
    (None, None)
    >>> _ = (folder / "labels.csv").write_text("path,label\\na.png,owl\\nb.png,cat\\n")
    >>> table = ImageTable(folder / "labels.csv", image_size=64)
    >>> table.class_names, table.labels
    (('cat', 'owl'), array([1, 0]))

    See also:
        `ImageFolder`, for one sub-folder per class; `resample`.
    """

    def __init__(
        self,
        path: StrPath,
        image_size: int,
        path_column: str = "path",
        label_column: str = "label",
        memory: int = MEMORY,
        split_column: str | None = None,
        group_column: str | None = None,
        separator: str | None = None,
    ) -> None:
        columns = Columns(path_column, label_column, split_column, group_column, separator)
        listing = list_table(pathlib.Path(path), columns)
        super().__init__(*listed_files(listing, image_size, memory))
