"""Normalization on the replicas of a MirroredStrategy, unequal and empty ones included."""

import functools

import keras
import numpy as np
import oracle
import pytest

from kerasnorm import normalization as kn

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute", allow_module_level=True)

import tensorflow as tf


@functools.cache
def strategy():
    """One for the process: a second one's collectives collide with the first one's."""
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(4)])


class Replicas:
    """A MirroredStrategy whose four replicas get batches of the given sizes."""

    def __init__(self, *sizes):
        self.sizes = sizes
        self.strategy = strategy()

    def split(self, x):
        parts = np.split(x, np.cumsum(self.sizes)[:-1])
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )

    def join(self, value):
        return np.concatenate([p.numpy() for p in self.strategy.experimental_local_results(value)])

    def build(self, layer_fn, shape):
        with self.strategy.scope():
            layer = layer_fn()
            layer.build(shape)
        return layer

    def trainer(self, layer):
        """Returns a function that gives outputs, and the gradient of Σ weights·outputs by x."""

        @tf.function
        def step(x, weights, mask=None):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=True, mask=mask)
                total = tf.reduce_sum(y * weights)
            return y, tape.gradient(total, x)

        def train(x, mask=None, weights=None):
            weights = np.ones_like(x) if weights is None else weights.astype(x.dtype)
            given = [x, weights] if mask is None else [x, weights, mask]
            y, dx = self.strategy.run(step, args=[self.split(part) for part in given])
            return self.join(y), self.join(dx)

        return train


def copies(variable):
    return [component.numpy() for component in variable.value.values]


def synchronized(**settings):
    return kn.BatchNormalization(synchronized=True, **settings)


@pytest.mark.distributed
@pytest.mark.parametrize(
    ("layer_fn", "sizes", "masked"),
    [(kn.SyncBatchNormalization, (4, 0, 0, 0), False), (synchronized, (5, 3, 1, 0), True)],
)
def test_synchronized_is_batch_norm_of_the_whole_batch(rng, layer_fn, sizes, masked):
    """Keras' variance under a mask is that of each replica alone."""
    replicas = Replicas(*sizes)
    shape = (sum(sizes), 4, 3, 5)
    layer = replicas.build(lambda: layer_fn(momentum=0.9), shape)
    train = replicas.trainer(layer)
    moving_mean, moving_variance = 0, 1
    for mean in (0, 1000, 1e4):
        x = (rng.normal(size=shape) + mean).astype("float32")
        weights = rng.normal(size=shape)
        mask = rng.random(shape[:-1]) > 0.3 if masked else None
        y, dx = train(x, mask, weights)
        np.testing.assert_allclose(y, oracle.normalize(x, (0, 1, 2), mask=mask), atol=1e-5)
        expected = oracle.input_gradient(x, weights, (0, 1, 2), mask=mask)
        np.testing.assert_allclose(dx, expected, atol=1e-4)
        batch_mean, variance, _ = oracle.statistics(x, (0, 1, 2), mask)
        moving_mean = 0.9 * moving_mean + 0.1 * batch_mean
        moving_variance = 0.9 * moving_variance + 0.1 * variance
        for copy in copies(layer.moving_mean):
            np.testing.assert_allclose(copy, moving_mean, rtol=1e-5, atol=1e-7)
        for copy in copies(layer.moving_variance):
            np.testing.assert_allclose(copy, moving_variance, rtol=1e-5)


@pytest.mark.distributed
def test_synchronized_step_makes_two_collectives_forward_and_one_backward(rng, monkeypatch):
    replicas = Replicas(1, 1, 1, 1)
    x = rng.normal(size=(4, 6, 5)).astype("float32")
    layer = replicas.build(kn.SyncBatchNormalization, x.shape)
    calls = []
    context = tf.distribute.ReplicaContext
    original = context.all_reduce

    def counted(self, *args, **kwargs):
        calls.append(args)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(context, "all_reduce", counted)
    replicas.trainer(layer)(x, mask=np.ones((4, 6), bool))
    assert len(calls) == 3 * len(replicas.sizes)


@pytest.mark.distributed
@pytest.mark.parametrize(
    ("layer_fn", "sizes"),
    [(kn.BatchNormalization, (5, 3, 1, 0)), (kn.InstanceNormalization, (4, 0, 0, 0))],
)
def test_unsynchronized_normalizes_alone_and_averages_the_estimates(rng, layer_fn, sizes):
    replicas = Replicas(*sizes)
    x = rng.normal(3, 2, size=(sum(replicas.sizes), 4, 3, 5)).astype("float32")
    make = lambda: layer_fn(momentum=0.9, track_statistics=True)  # noqa: E731
    layer = replicas.build(make, x.shape)
    y, _ = replicas.trainer(layer)(x)
    parts = np.split(x, np.cumsum(replicas.sizes)[:-1])
    if layer_fn is kn.InstanceNormalization:
        parts = [example[None] for example in x]
    parts = [part for part in parts if len(part)]
    axes = (0, 1, 2)
    np.testing.assert_allclose(
        y, np.concatenate([oracle.normalize(part, axes) for part in parts]), atol=1e-5
    )
    moments = [oracle.statistics(part, axes) for part in parts]
    weights = [count for _, _, count in moments]
    for estimate, old, index in ((layer.moving_mean, 0, 0), (layer.moving_variance, 1, 1)):
        average = np.average([moment[index] for moment in moments], axis=0, weights=weights)
        for copy in copies(estimate):
            np.testing.assert_allclose(copy, 0.9 * old + 0.1 * average, rtol=1e-5)


@pytest.mark.distributed
@pytest.mark.parametrize(
    "layer_fn", [kn.BatchNormalization, kn.SyncBatchNormalization], ids=["batch", "sync_batch"]
)
def test_fit_survives_a_replica_without_examples(rng, layer_fn):
    """Keras' loss and every weight become NaN: 65 examples in batches of 8 leave one over."""
    x, y = rng.normal(size=(65, 6)).astype("float32"), rng.normal(size=(65, 1))
    with strategy().scope():
        inputs = keras.Input((6,))
        hidden = layer_fn()(keras.layers.Dense(4)(inputs))
        model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
        model.compile("sgd", "mse")
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    model.fit(data, epochs=2, shuffle=False, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    same = model.predict(np.repeat(x[:1], 8, 0), batch_size=8, verbose=0)
    assert np.ptp(same) == 0
    for estimate in (model.layers[2].moving_mean, model.layers[2].moving_variance):
        first, *others = copies(estimate)
        assert all((other == first).all() for other in others)


def test_synchronized_under_xla_on_one_device(rng):
    """Keras' variance E[x²] − E[x]² is off by 1e3 here."""
    x = (rng.normal(size=(8, 4, 5)) + 1000).astype("float32")
    layer = kn.SyncBatchNormalization()
    y = tf.function(lambda x: layer(x, training=True), jit_compile=True)(x)
    np.testing.assert_allclose(y, oracle.normalize(x, (0, 1)), atol=1e-5)
