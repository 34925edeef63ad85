"""Gathers the private parts of Keras that computing with other kernels needs.

| private name | why |
|---|---|
| `_kernel`, `_embeddings`, … | where a layer keeps a variable that it shows as a property |

Made for Keras 3.12 to 3.15. `tests/normalization/test_keras_private.py` fails when these change.
"""

import keras


def attribute_of(holder: keras.Layer, name: str) -> str:
    """Returns the attribute that a built layer keeps a variable in, which it shows as `name`."""
    return name if name in vars(holder) else f"_{name}"
