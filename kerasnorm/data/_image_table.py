"""A table of images to draw from."""

import pathlib

from kerasnorm._listing import table_rows
from kerasnorm._types import StrPath
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data._kept_files import MEMORY


class ImageTable(ImageFiles):
    """A CSV file that names an image and its class in each row, as `ImageFiles`.

    Args:
        path: The CSV file, with a header, in UTF-8.
        image_size: As in `ImageFiles`.
        path_column: The name of the column of paths; relative ones are taken from the folder of
            the CSV file.
        label_column: The name of the column of classes, names of any kind; the classes are those
            that come up, in alphabetical order, numbers by their size.
        memory: As in `ImageFiles`.

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
        memory: int = MEMORY,
    ) -> None:
        path = pathlib.Path(path)
        rows = table_rows(path, path_column, label_column)
        numbers = all(name.removeprefix("-").isdecimal() for _, name in rows)
        names = sorted({name for _, name in rows}, key=int if numbers else str)
        number = {name: index for index, name in enumerate(names)}
        labels = [number[name] for _, name in rows]
        paths = [path.parent / each for each, _ in rows]
        super().__init__(paths, labels, names, image_size, memory)
