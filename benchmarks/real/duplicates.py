"""Finds near-duplicates among pictures by difference hash, mirrored ones too."""

import numpy as np
from PIL import Image

SIDE = 16  # the hash has SIDE × SIDE bits
LIMIT = 20  # pictures that differ in at most so many bits of 256 count as the same


def difference_hash(picture):
    """Which of two neighbours in a row is brighter, on a SIDE × SIDE grid, as booleans."""
    grey = picture.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    values = np.asarray(grey, dtype="int16")
    return (values[:, 1:] > values[:, :-1]).ravel()


def first_of_each(pictures):
    """The indices of the pictures left when near-duplicates of an earlier one are out."""
    kept, hashes = [], np.zeros((0, SIDE * SIDE), bool)
    for index, picture in enumerate(pictures):
        plain = difference_hash(picture)
        mirrored = difference_hash(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        distances = [(hashes != each).sum(axis=1) for each in (plain, mirrored)]
        if len(kept) and min(distance.min() for distance in distances) <= LIMIT:
            continue
        kept.append(index)
        hashes = np.vstack([hashes, plain])
    return kept
