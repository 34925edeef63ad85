"""tf.data pipelines of examples and the decoding of images, on every Keras backend.

Imports TensorFlow, so it is imported where it is used.
"""

from kerasnorm.data.pipelines._arrays import Arrays
from kerasnorm.data.pipelines._datasets import check_single_examples, is_batched, label_batches
from kerasnorm.data.pipelines._epochs import finite, indexed, passes
from kerasnorm.data.pipelines._images import (
    gathered,
    image_loader,
    labels_of,
    readable,
    with_label_maps,
    with_sparse_labels,
)
from kerasnorm.data.pipelines._record_index import open_index, parsed_spec

__all__ = [
    "Arrays",
    "check_single_examples",
    "finite",
    "gathered",
    "image_loader",
    "indexed",
    "is_batched",
    "label_batches",
    "labels_of",
    "open_index",
    "parsed_spec",
    "passes",
    "readable",
    "with_label_maps",
    "with_sparse_labels",
]
