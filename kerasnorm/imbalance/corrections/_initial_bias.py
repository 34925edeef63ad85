from typing import Any

import numpy as np

from kerasnorm.imbalance.corrections._shares import log_shares


def initial_bias(counts: Any) -> np.ndarray:
    """Returns the bias with which a softmax starts at the class frequencies: log π.

    Without it, the first steps only learn the class frequencies, with large losses of rare
    classes. Do not use it with losses that balance the classes, whose best bias is near 0.

    Args:
        counts: ClassCounts, or examples of each class, (K,); none may be 0.

    Returns:
        (K,) float64. A single sigmoid unit takes `bias[1] - bias[0]`.

    Raises:
        ValueError: If the counts are invalid, or a class has no example.

    Example:

    >>> import keras
    >>> bias = keras.initializers.Constant(initial_bias([75, 25]))
    >>> layer = keras.layers.Dense(2, "softmax", bias_initializer=bias)
    >>> keras.ops.convert_to_numpy(layer(np.zeros((1, 3)))).round(4)
    array([[0.75, 0.25]], dtype=float32)

    See also:
        `adjust_logits`, after training.

    Reference:
        Lin et al., 2017, Focal loss for dense object detection, https://arxiv.org/abs/1708.02002
        (§4.1, for one sigmoid)
    """
    return log_shares(counts)
