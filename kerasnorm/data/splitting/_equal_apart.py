"""Finds equal files in different classes or parts."""

import numpy as np

from kerasnorm.data._image_files import ImageFiles


def across(files: ImageFiles, equal: list[list[int]], values: np.ndarray) -> list[list[str]]:
    """Returns the paths of equal files that have different values, such as labels or parts."""
    apart = [same for same in equal if len({*values[same].tolist()}) > 1]
    return [files.paths[same].tolist() for same in apart]


def describe_equal(pairs: list[list[str]], apart: str) -> str:
    """Returns how many sets of equal files there are in different classes or parts.

    >>> describe_equal([["a/1.jpg", "b/2.jpg"]], "classes")
    '1 image is in different classes: a/1.jpg = b/2.jpg'
    """
    noun = "image is" if len(pairs) == 1 else "images are"
    shown = "; ".join(" = ".join(pair[:3]) for pair in pairs[:5])
    more = f"; and {len(pairs) - 5} more" if len(pairs) > 5 else ""
    return f"{len(pairs)} {noun} in different {apart}: {shown}{more}"
