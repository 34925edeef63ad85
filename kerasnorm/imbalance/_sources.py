"""What `resample` draws from by index: arrays, or files on disk."""

from typing import Any

from kerasnorm.imbalance._arrays import Arrays
from kerasnorm.imbalance.image_files import ImageFiles
from kerasnorm.imbalance.segmentation_folder import SegmentationFolder
from kerasnorm.imbalance.tf_records import TFRecords


def as_source(data: Any) -> Any:
    """Returns an object with `size`, `labels` and `gatherer()`, a function from indices to batch.

    Files are one already.
    """
    files = ImageFiles | SegmentationFolder | TFRecords
    return data if isinstance(data, files) else Arrays(data)
