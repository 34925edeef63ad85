"""Image files in folders; no image is opened."""

import os
import pathlib

# what keras.utils.image_dataset_from_directory reads
IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def class_files(folder: pathlib.Path) -> dict[str, list[str]]:
    """Returns the paths of the images in the sub-folder of each class, both in order."""
    if not folder.is_dir():
        raise ValueError(f"There is no folder {str(folder)!r} to count the images of.")
    found = {
        entry.name: sorted(_images(entry))
        for entry in sorted(folder.iterdir())
        if entry.is_dir() and entry.name[0] != "."
    }
    if not any(found.values()):
        raise ValueError(
            f"The folder {str(folder)!r} should hold one sub-folder of images a class. Received: "
            f"sub-folders {list(found)}, with no file that ends in {', '.join(IMAGES)}."
        )
    return found


def _images(folder: pathlib.Path) -> list[str]:
    return [
        os.path.join(at, name)
        for at, _, names in os.walk(folder)
        for name in names
        if pathlib.Path(name).suffix.lower() in IMAGES
    ]
