"""tf.data pipelines of examples and the decoding of images, on every Keras backend.

Imports TensorFlow, so it is imported where it is used.
"""

from kerasnorm.data.pipelines._epochs import finite, indexed, passes
from kerasnorm.data.pipelines._images import (
    gathered,
    load_image,
    readable,
    with_label_maps,
    with_sparse_labels,
)
from kerasnorm.data.pipelines._record_index import open_index, parsed_spec

__all__ = [
    "finite",
    "gathered",
    "indexed",
    "load_image",
    "open_index",
    "parsed_spec",
    "passes",
    "readable",
    "with_label_maps",
    "with_sparse_labels",
]
