"""Deals images with masks out to training, validation and test."""

import numpy as np

from kerasnorm._existing import check_shares
from kerasnorm.data._segmentation_folder import SegmentationFolder

Scenes = tuple[SegmentationFolder, SegmentationFolder, SegmentationFolder | None]


def split_scenes(scenes: SegmentationFolder, validation: float, test: float, seed: int) -> Scenes:
    """Returns scenes to train on, to choose the best epoch by, and to judge by.

    Args:
        scenes: the images and masks.
        validation, test: their shares; there is no test part if the last is 0.
        seed: decides.

    Raises:
        ValueError: if a share is out of range, or there are too few.
    """
    size, wanted = scenes.size, [share for share in check_shares(validation, test) if share]
    held_out = [max(1, round(share * size)) for share in wanted]
    if sum(held_out) >= size:
        raise ValueError(
            f"There are {size} images with masks: one to train on and {len(wanted)} to hold "
            "out are needed."
        )
    rows = np.random.default_rng(seed).permutation(size)
    parts = np.split(rows, np.cumsum(held_out))
    first, *last, train = (scenes.subset(np.sort(part)) for part in parts)
    return train, first, last[0] if last else None
