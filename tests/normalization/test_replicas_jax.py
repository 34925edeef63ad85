"""On JAX an array spans its devices, so a sharded batch is normalized as a whole."""

import keras
import numpy as np
import oracle
import pytest

from kerasnorm.normalization import BatchNormalization, SyncBatchNormalization

if keras.config.backend() != "jax":
    pytest.skip("sharded arrays", allow_module_level=True)

import jax
from jax.sharding import NamedSharding, PartitionSpec


@pytest.mark.parametrize("layer_class", [BatchNormalization, SyncBatchNormalization])
def test_sharded_batch_is_normalized_as_a_whole(rng, layer_class):
    assert jax.device_count() == 4
    x = (rng.normal(size=(8, 4, 3, 5)) + 1000).astype("float32")
    mesh = jax.make_mesh((4,), ("batch",))
    sharded = jax.device_put(x, NamedSharding(mesh, PartitionSpec("batch")))
    layer = layer_class()
    layer.build(x.shape)
    state = [variable.value for variable in layer.non_trainable_variables]
    weights = [variable.value for variable in layer.trainable_variables]
    y, (mean, variance) = jax.jit(lambda x: layer.stateless_call(weights, state, x, training=True))(
        sharded
    )
    assert len(y.sharding.device_set) == 4
    np.testing.assert_allclose(y, oracle.normalize(x, (0, 1, 2)), atol=1e-5)
    expected, expected_variance, _ = oracle.statistics(x, (0, 1, 2))
    np.testing.assert_allclose(mean, 0.01 * expected, rtol=1e-5)
    np.testing.assert_allclose(variance, 0.99 + 0.01 * expected_variance, rtol=1e-5)
