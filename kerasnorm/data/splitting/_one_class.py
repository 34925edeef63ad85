"""Finds one class for each image, by which images are dealt out."""

import numpy as np

from kerasnorm.data._image_files import ImageFiles

_FEWEST = 3  # images of a class, one for each part


def with_one_class(files: ImageFiles) -> ImageFiles:
    """Returns the same files, where each has one class by which they are dealt out.

    That is the rarest of its labels, where it may have several. Classes of fewer than three images
    are dealt out with the most frequent one.
    """
    if files.labels.ndim == 1:
        return files
    having = files.labels.sum(axis=0)
    rarest = np.where(files.labels, having, files.size + 1).argmin(axis=1)
    classes = np.where(files.labels.any(axis=1), rarest, len(having))
    names = np.array([*files.class_names, "without a label"])
    counts = np.bincount(classes, minlength=len(names))
    classes = np.where(counts[classes] < _FEWEST, counts.argmax(), classes)
    kept, numbers = np.unique(classes, return_inverse=True)
    groups = {"parts": files.parts, "groups": files.groups}
    return ImageFiles(files.paths, numbers.reshape(-1), names[kept], files.image_size, **groups)
