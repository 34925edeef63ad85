"""On JAX: arrays that span the devices, and shards of `jax.shard_map` and `jax.pmap`."""

import keras
import numpy as np
import oracle
import pytest

from kerasnorm import normalization as kn

if keras.config.backend() != "jax":
    pytest.skip("sharded arrays", allow_module_level=True)

import jax
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Spec

AXES = (0, 1, 2)
SHAPE = (8, 4, 3, 5)


def mesh():
    assert jax.device_count() == 4
    return Mesh(jax.devices(), ("batch",))


def state_of(layer):
    """Builds a layer; returns the values of its trainable and other variables."""
    layer.build(SHAPE)
    kinds = layer.trainable_variables, layer.non_trainable_variables
    return tuple([variable.value for variable in kind] for kind in kinds)


def step(layer):
    """Returns a function of one shard: outputs, new state, and gradients of Σ upstream·outputs."""

    def run(trainable, state, x, upstream, mask=None):
        def loss(trainable, x):
            settings = {"training": True} if mask is None else {"training": True, "mask": mask}
            y, new = layer.stateless_call(trainable, state, x, **settings)
            return (y * upstream).sum(), (y, new)

        gradients, (y, new) = jax.grad(loss, (0, 1), has_aux=True)(trainable, x)
        return y, new, *gradients

    return run


def shard(function, arguments, replicated_gradients=True):
    """Maps a `step` over the shards of the examples; the state must come out the same on all."""
    whole, split = Spec(), Spec("batch")
    gradient = whole if replicated_gradients else split
    return jax.jit(
        jax.shard_map(
            function,
            mesh=mesh(),
            in_specs=(whole, whole, *[split] * (len(arguments) - 2)),
            out_specs=(split, whole, gradient, split),
            check_vma=replicated_gradients,
        )
    )(*arguments)


def masks(rng):
    """Masks by name: shards of unequal counts, one shard without any, and none at all."""
    mask = rng.random(SHAPE[:-1]) > 0.3
    empty = mask.copy()
    empty[2:4] = False
    return {"no mask": None, "unequal": mask, "an empty shard": empty, "all empty": mask & False}


@pytest.mark.parametrize("layer_class", [kn.BatchNormalization, kn.SyncBatchNormalization])
def test_sharded_array_is_normalized_as_a_whole(rng, layer_class):
    x = (rng.normal(size=SHAPE) + 1000).astype("float32")
    sharded = jax.device_put(x, NamedSharding(mesh(), Spec("batch")))
    layer = layer_class()
    weights, state = state_of(layer)
    y, (mean, variance) = jax.jit(lambda x: layer.stateless_call(weights, state, x, training=True))(
        sharded
    )
    assert len(y.sharding.device_set) == 4
    np.testing.assert_allclose(y, oracle.normalize(x, AXES), atol=1e-5)
    expected, expected_variance, _ = oracle.statistics(x, AXES)
    np.testing.assert_allclose(mean, 0.01 * expected, rtol=1e-5)
    np.testing.assert_allclose(variance, 0.99 + 0.01 * expected_variance, rtol=1e-5)


@pytest.mark.parametrize("mean", [0, 1000, 1e4])
@pytest.mark.parametrize("mask", ["no mask", "unequal", "an empty shard", "all empty"])
def test_named_axis_is_batch_norm_of_the_whole_batch(rng, mean, mask):
    x = (rng.normal(size=SHAPE) + mean).astype("float32")
    upstream = rng.normal(size=SHAPE).astype("float32")
    mask = masks(rng)[mask]
    layer = kn.SyncBatchNormalization(momentum=0.9, axis_name="batch")
    arguments = [*state_of(layer), x, upstream] + ([] if mask is None else [mask])
    y, (moving_mean, moving_variance), (dgamma, dbeta), dx = shard(step(layer), arguments)
    expected = oracle.normalize(x, AXES, mask=mask)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(
        dx, oracle.input_gradient(x, upstream, AXES, mask=mask), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_allclose(dgamma, (upstream * expected).sum(AXES), atol=1e-4)
    kept = upstream if mask is None else upstream * mask[..., None]
    np.testing.assert_allclose(dbeta, kept.sum(AXES), atol=1e-4)
    batch_mean, variance, count = oracle.statistics(x, AXES, mask)
    rate = np.where(count > 0, 0.1, 0)
    np.testing.assert_allclose(moving_mean, rate * batch_mean, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(moving_variance, 1 + rate * (variance - 1), rtol=1e-5)
    for estimate in (moving_mean, moving_variance):
        first, *others = (np.asarray(part.data) for part in estimate.addressable_shards)
        assert len(others) == 3 and all((other == first).all() for other in others)


@pytest.mark.parametrize("how", ["pmap", "shard_map unchecked"])
def test_where_each_shard_keeps_its_own_gradient_their_sum_is_the_whole_batch_s(rng, how):
    x, upstream = (rng.normal(3, 2, size=SHAPE).astype("float32") for _ in range(2))
    layer = kn.BatchNormalization(momentum=0.9, synchronized=True, axis_name="batch")
    arguments = (*state_of(layer), x, upstream)
    if how == "pmap":
        parts = (part.reshape(4, 2, *SHAPE[1:]) for part in (x, upstream))
        mapped = jax.pmap(step(layer), "batch", in_axes=(None, None, 0, 0))
        y, state, (dgamma, _), dx = mapped(*arguments[:2], *parts)
        assert all(np.ptp(estimate, axis=0).max() == 0 for estimate in state)
    else:
        y, _, (dgamma, _), dx = shard(step(layer), arguments, replicated_gradients=False)
    y, dx, expected = np.reshape(y, SHAPE), np.reshape(dx, SHAPE), oracle.normalize(x, AXES)
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(dx, oracle.input_gradient(x, upstream, AXES), atol=1e-4)
    total = np.reshape(dgamma, (4, 5)).sum(0)
    np.testing.assert_allclose(total, (upstream * expected).sum(AXES), atol=1e-4)


LAYERS = {
    "batch": lambda: kn.BatchNormalization(track_statistics=False),
    "layer": kn.LayerNormalization,
    "instance": kn.InstanceNormalization,
    "group": lambda: kn.GroupNormalization(groups=5),
    "filter_response": kn.FilterResponseNormalization,
}


@pytest.mark.parametrize("name", LAYERS)
def test_shards_of_other_layers_add_up_to_the_gradient_of_gamma(rng, name):
    """The types of `shard_map` refuse a custom gradient of γ that is not summed over the shards."""
    x, upstream = (rng.normal(3, 2, size=SHAPE).astype("float32") for _ in range(2))
    mask = rng.random(SHAPE[:-1]) > 0.3
    layer = LAYERS[name]()
    arguments = (*state_of(layer), x, upstream, mask)
    y, _, gradients, dx = shard(step(layer), arguments)
    run = jax.jit(step(layer))
    parts = [
        run(*arguments[:2], *(part[i : i + 2] for part in arguments[2:])) for i in (0, 2, 4, 6)
    ]
    np.testing.assert_allclose(y, np.concatenate([part[0] for part in parts]), atol=1e-6)
    np.testing.assert_allclose(dx, np.concatenate([part[3] for part in parts]), atol=1e-5)
    for k, found in enumerate(gradients):
        np.testing.assert_allclose(found, sum(part[2][k] for part in parts), atol=1e-4)


def test_named_axis_makes_two_collectives_forward_and_one_backward(rng):
    layer = kn.SyncBatchNormalization(axis_name="batch")
    x, mask = np.ones(SHAPE, "float32"), np.ones(SHAPE[:-1], bool)
    mapped = jax.pmap(step(layer), "batch", in_axes=(None, None, 0, 0, 0))
    parts = (part[None] for part in (x, x, mask))
    program = str(jax.make_jaxpr(mapped)(*state_of(layer), *parts))
    assert program.count("= psum") == 3


def test_named_axis_outside_of_it(rng):
    """Building and inference need no axis; statistics of a part would be wrong in silence."""
    layer = kn.SyncBatchNormalization(axis_name="batch")
    inputs = keras.Input(SHAPE[1:])
    model = keras.Model(inputs, layer(inputs))
    x = rng.normal(size=SHAPE).astype("float32")
    np.testing.assert_allclose(model.predict(x, verbose=0), x / np.sqrt(1 + 1e-3), rtol=1e-5)
    message = r"(?s)`axis_name` should name an axis.*'batch'"
    with pytest.raises(ValueError, match=message):
        layer(x, training=True)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(x, x)
    other = kn.SyncBatchNormalization(axis_name="model")
    state = state_of(other)
    with pytest.raises(ValueError, match=r"(?s)`axis_name` should name an axis.*'model'"):
        shard(step(other), [*state, x, x])
