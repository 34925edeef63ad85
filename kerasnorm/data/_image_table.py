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
        path_column: The name of the column of paths; relative ones are taken from the folder of
            the CSV file. Defaults to "path".
        label_column: The name of the column of classes, names of any kind; the classes are those
            that come up, in alphabetical order, numbers by their size. Or several names with a
            comma between them: columns of 0 and 1, one for each label an image may have.
            Defaults to "label".
        memory: As in `ImageFiles`.
        split_column: Name of the column with train, val or test, which sets `parts`. Defaults to
            None: "split" if there is such a column.
        group_column: The name of the column of `groups`. None: "group" if there is such a column.
        separator: Character between the columns. None: a comma, semicolon, tab or bar, as the
            header has it.
        kept_in: As in `ImageFiles`.
        label_separator: Text between labels in a cell, such as ";": an image may have
            several of them, or none. None: it has one class.

    Attributes:
        labels: int64 (N,); where an image may have several, bool (N, K).

    Raises:
        ValueError: If there is no such file or column, no row, or a row without a path, a class or
            an image file, with several classes without a `label_separator` or an unknown part,
            said with its line.

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
        kept_in: StrPath | None = None,
        label_separator: str | None = None,
    ) -> None:
        columns = Columns(
            path_column, label_column, split_column, group_column, separator, label_separator
        )
        listing = list_table(pathlib.Path(path), columns)
        super().__init__(*listed_files(listing, image_size, memory, kept_in))
