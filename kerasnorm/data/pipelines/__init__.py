"""tf.data pipelines of examples, on every Keras backend.

Imports TensorFlow, so it is imported where it is used.
"""

from kerasnorm.data.pipelines._epochs import finite, indexed, passes
from kerasnorm.data.pipelines._images import (
    gathered,
    with_label_maps,
    with_numbers,
    with_rows,
    with_sparse_labels,
)
from kerasnorm.data.pipelines._record_index import open_index, parsed_spec

__all__ = [
    "finite",
    "gathered",
    "indexed",
    "open_index",
    "parsed_spec",
    "passes",
    "with_label_maps",
    "with_numbers",
    "with_rows",
    "with_sparse_labels",
]
