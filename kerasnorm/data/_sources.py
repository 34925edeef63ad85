"""What `resample` draws from by index: arrays, or files on disk."""

from typing import Any

from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data._segmentation_folder import SegmentationFolder
from kerasnorm.data._tf_records import TFRecords


def as_source(data: Any) -> Any:
    """Returns an object with `size`, `labels` and `gatherer()`, a function from indices to batch.

    Files are one already.
    """
    from kerasnorm.data.pipelines import Arrays

    files = ImageFiles | SegmentationFolder | TFRecords
    return data if isinstance(data, files) else Arrays(data)
