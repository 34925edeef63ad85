"""Labelled examples: what holds them, their labels, their batches, their epochs."""

from kerasnorm.data._arrays import count_examples, encode_labels, to_array
from kerasnorm.data._batches import Batches, each_batch, in_order, label_shape, read_batches
from kerasnorm.data._epoch_counter import EpochCounter
from kerasnorm.data._folders import read_mask
from kerasnorm.data._follow_epochs import FollowEpochs
from kerasnorm.data._forwarding import Forwarding
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data._image_folder import ImageFolder
from kerasnorm.data._image_table import ImageTable
from kerasnorm.data._input_batches import input_batches
from kerasnorm.data._label_batches import label_batches, with_bar
from kerasnorm.data._labels import (
    NO_CLASS,
    NOT_WHOLE,
    NOT_ZERO_ONE,
    OUTSIDE,
    as_integers,
    check_no_mark,
    check_not_huge,
    check_range,
    check_zero_one,
    class_range,
    has_class_axis,
    is_dataset,
    read_labels,
    to_numpy,
)
from kerasnorm.data._members import Members, as_rows, find_members
from kerasnorm.data._order import Order, shuffled
from kerasnorm.data._segmentation_folder import SegmentationFolder
from kerasnorm.data._sources import as_source
from kerasnorm.data._stored_batches import StoredBatches
from kerasnorm.data._tf_records import TFRecords

__all__ = [
    "NOT_WHOLE",
    "NOT_ZERO_ONE",
    "NO_CLASS",
    "OUTSIDE",
    "Batches",
    "EpochCounter",
    "FollowEpochs",
    "Forwarding",
    "ImageFiles",
    "ImageFolder",
    "ImageTable",
    "Members",
    "Order",
    "SegmentationFolder",
    "StoredBatches",
    "TFRecords",
    "as_integers",
    "as_rows",
    "as_source",
    "check_no_mark",
    "check_not_huge",
    "check_range",
    "check_zero_one",
    "class_range",
    "count_examples",
    "each_batch",
    "encode_labels",
    "find_members",
    "has_class_axis",
    "in_order",
    "input_batches",
    "is_dataset",
    "label_batches",
    "label_shape",
    "read_batches",
    "read_labels",
    "read_mask",
    "shuffled",
    "to_array",
    "to_numpy",
    "with_bar",
]
