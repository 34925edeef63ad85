"""Finds the images of a folder or a table."""

from kerasnorm._existing import check_classes, check_images
from kerasnorm._tables import Columns
from kerasnorm._types import StrPath
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data._image_folder import ImageFolder
from kerasnorm.data._image_table import ImageTable

_ANY_SIZE = 1  # until the model says which


def read_images(
    path: StrPath, columns: Columns | None = None, kept_in: StrPath | None = None
) -> ImageFiles:
    """Finds images; none is opened.

    Args:
        path: a folder that holds a sub-folder for each class, perhaps in those of the parts, or a
            CSV file.
        columns: of the CSV file.
        kept_in: as in `ImageFiles`.

    Raises:
        OSError: if it does not exist or is another file.
        ValueError: if it has fewer than two classes, or what `ImageFolder` and `ImageTable` refuse.
    """
    path = check_images(path)
    if path.is_dir():
        files: ImageFiles = ImageFolder(path, _ANY_SIZE, kept_in=kept_in)
    else:
        columns = columns or Columns()
        files = ImageTable(
            path,
            _ANY_SIZE,
            columns.path,
            columns.label,
            split_column=columns.split,
            group_column=columns.group,
            separator=columns.separator,
            label_separator=columns.label_separator,
            kept_in=kept_in,
        )
    check_classes(path, files.class_names)
    return files
