"""Reads labelled examples: arrays, files, labels, batches and epochs."""

from kerasnorm.data._arrays import count_examples, to_numpy
from kerasnorm.data._batches import (
    Batches,
    count_of,
    each_batch,
    has_weights,
    in_order,
    label_shape,
    read_batches,
)
from kerasnorm.data._by_class import by_class, read_class_weight
from kerasnorm.data._classes import encode_labels, number_names, read_classes, read_label_maps
from kerasnorm.data._dataset import DatasetReader, empty, is_batched, is_dataset, read_dataset
from kerasnorm.data._epoch_counter import EpochCounter
from kerasnorm.data._equal_files import equal_files
from kerasnorm.data._folders import read_mask
from kerasnorm.data._follow_epochs import FollowEpochs
from kerasnorm.data._forms import as_known_form, dataset_of
from kerasnorm.data._forwarding import Forwarding
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data._image_folder import ImageFolder
from kerasnorm.data._image_table import ImageTable
from kerasnorm.data._input_batches import input_batches
from kerasnorm.data._label_batches import label_batches, with_bar
from kerasnorm.data._label_checks import (
    NO_CLASS,
    NOT_WHOLE,
    NOT_ZERO_ONE,
    check_count,
    check_no_mark,
    check_not_huge,
    check_range,
    check_zero_one,
    labels_of,
    outside,
)
from kerasnorm.data._labels import (
    Form,
    as_integers,
    form_of,
    has_class_axis,
    read_labels,
    undo_one_hot,
)
from kerasnorm.data._members import Members, as_rows, find_members
from kerasnorm.data._numbered import numbered
from kerasnorm.data._order import Order, shuffled
from kerasnorm.data._pictures import picture_sizes
from kerasnorm.data._read_images import read_images
from kerasnorm.data._reads_alike import reads_alike
from kerasnorm.data._sample_weights import check_unweighted, read_weights
from kerasnorm.data._segmentation_folder import SegmentationFolder
from kerasnorm.data._sound_images import describe_unreadable, sound_images
from kerasnorm.data._source import Arrays, Source, read_source
from kerasnorm.data._stored_batches import StoredBatches
from kerasnorm.data._tf_records import TFRecords

__all__ = [
    "NOT_WHOLE",
    "NOT_ZERO_ONE",
    "NO_CLASS",
    "Arrays",
    "Batches",
    "DatasetReader",
    "EpochCounter",
    "FollowEpochs",
    "Form",
    "Forwarding",
    "ImageFiles",
    "ImageFolder",
    "ImageTable",
    "Members",
    "Order",
    "SegmentationFolder",
    "Source",
    "StoredBatches",
    "TFRecords",
    "as_integers",
    "as_known_form",
    "as_rows",
    "by_class",
    "check_count",
    "check_no_mark",
    "check_not_huge",
    "check_range",
    "check_unweighted",
    "check_zero_one",
    "count_examples",
    "count_of",
    "dataset_of",
    "describe_unreadable",
    "each_batch",
    "empty",
    "encode_labels",
    "equal_files",
    "find_members",
    "form_of",
    "has_class_axis",
    "has_weights",
    "in_order",
    "input_batches",
    "is_batched",
    "is_dataset",
    "label_batches",
    "label_shape",
    "labels_of",
    "number_names",
    "numbered",
    "outside",
    "picture_sizes",
    "read_batches",
    "read_class_weight",
    "read_classes",
    "read_dataset",
    "read_images",
    "read_label_maps",
    "read_labels",
    "read_mask",
    "read_source",
    "read_weights",
    "reads_alike",
    "shuffled",
    "sound_images",
    "to_numpy",
    "undo_one_hot",
    "with_bar",
]
