"""PyTorch's functional norms as a second oracle, wherever torch is installed."""

import numpy as np
import pytest
from keras import ops

from kerasnorm import normalization as kn

torch = pytest.importorskip("torch")
functional = torch.nn.functional

CASES = {
    "group": (
        kn.GroupNormalization(groups=2, axis=1, epsilon=1e-5),
        lambda x: functional.group_norm(x, 2, eps=1e-5),
    ),
    "layer": (
        kn.LayerNormalization(axis=(1, 2, 3), epsilon=1e-5),
        lambda x: functional.layer_norm(x, x.shape[1:], eps=1e-5),
    ),
    "instance": (
        kn.InstanceNormalization(axis=1, epsilon=1e-5),
        lambda x: functional.instance_norm(x, eps=1e-5),
    ),
    "batch": (
        kn.BatchNormalization(axis=1, epsilon=1e-5),
        lambda x: functional.batch_norm(x, None, None, training=True, eps=1e-5),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_forward(rng, name):
    layer, function = CASES[name]
    x = rng.normal(1, 2, size=(3, 4, 5, 6)).astype("float32")
    y = ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_allclose(y, function(torch.tensor(x)).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("layer_class", "function"),
    [
        (kn.BatchNormalization, functional.batch_norm),
        (kn.InstanceNormalization, functional.instance_norm),
    ],
)
def test_running_statistics(rng, layer_class, function):
    """torch's momentum m is Keras' 1 − m, and its running variance is unbiased."""
    layer = layer_class(axis=1, momentum=0.9, unbiased=True, track_statistics=True)
    mean, variance = torch.zeros(4), torch.ones(4)
    for _ in range(3):
        x = rng.normal(1, 2, size=(3, 4, 5, 6)).astype("float32")
        layer(x, training=True)
        function(torch.tensor(x), mean, variance, None, None, True, 0.1)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.moving_mean), mean, rtol=1e-4)
    np.testing.assert_allclose(ops.convert_to_numpy(layer.moving_variance), variance, rtol=1e-4)
