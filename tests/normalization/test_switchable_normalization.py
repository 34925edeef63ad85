"""What the conformance table does not ask of switchable normalization."""

import keras
import numpy as np
import oracle
import pytest
from gradients import gradient
from keras import ops
from replicas import two_replicas

from kerasnorm import normalization as kn
from kerasnorm.normalization import SwitchableNormalization

SHAPE = (4, 5, 3, 6)
ONLY = {"instance": 0, "layer": 1, "batch": 2}


def array(tensor):
    return ops.convert_to_numpy(tensor)


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def image(rng, mean=2.0, shape=SHAPE):
    return (rng.normal(size=shape) + mean).astype("float32")


def mixed(shape, means, variances, **kwargs):
    """Returns a built layer with these weights before the softmax, and the shares they are."""
    layer = SwitchableNormalization(**kwargs)
    layer.build(shape)
    layer.mean_weights.assign(means)
    layer.variance_weights.assign(variances)
    return layer, (softmax(np.array(means)), softmax(np.array(variances)))


def test_starts_at_equal_weights():
    layer = SwitchableNormalization()
    layer.build(SHAPE)
    for weights in (layer.mean_weights, layer.variance_weights):
        np.testing.assert_allclose(softmax(array(weights)), 1 / 3, rtol=1e-6)


@pytest.mark.parametrize("name", ONLY)
@pytest.mark.parametrize("masked", [False, True])
def test_all_the_weight_on_one_is_that_normalization(rng, name, masked):
    others = {
        "instance": kn.InstanceNormalization(),
        "layer": kn.LayerNormalization(axis=(1, 2, 3), center=False, scale=False),
        "batch": kn.BatchNormalization(),
    }
    weights = [40.0 if k == ONLY[name] else 0.0 for k in range(3)]
    x = image(rng)
    mask = rng.random(SHAPE[:-1]) > 0.3 if masked else None
    layer, _ = mixed(SHAPE, weights, weights)
    y = array(layer(x, training=True, mask=mask))
    if name == "layer":  # over channels too, whose masks the oracle expands
        expected = oracle.normalize(x, (1, 2, 3), mask=mask)
    else:
        expected = array(others[name](x, training=True, mask=mask))
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("mean", [0, 1e4])
@pytest.mark.parametrize("masked", [False, True])
def test_means_and_variances_are_mixed_apart(rng, mean, masked):
    x = image(rng, mean)
    mask = rng.random(SHAPE[:-1]) > 0.3 if masked else None
    layer, shares = mixed(SHAPE, [1.0, -1.0, 0.5], [0.0, 2.0, 1.0])
    y = array(layer(x, training=True, mask=mask))
    np.testing.assert_allclose(y, oracle.switchable(x, None, mask=mask, shares=shares), atol=1e-5)


def test_stable_where_examples_and_channels_have_other_means(rng):
    x = image(rng, 1e4)
    x[..., 0] += 300
    x[1] -= 500
    layer, shares = mixed(SHAPE, [1.0, -1.0, 0.5], [0.0, 2.0, 1.0])
    y = array(layer(x, training=True))
    np.testing.assert_allclose(y, oracle.switchable(x, None, shares=shares), atol=1e-5)


@pytest.mark.parametrize("which", ["mean_weights", "variance_weights"])
def test_gradient_of_the_mixing_weights(rng, which):
    x, weights = image(rng), rng.normal(size=SHAPE)
    starts = {"mean_weights": np.array([1.0, -1.0, 0.5]), "variance_weights": np.array([0, 2.0, 1])}
    layer, _ = mixed(SHAPE, *starts.values())
    model = keras.Sequential([keras.Input(SHAPE[1:]), layer])
    model.compile(keras.optimizers.SGD(1.0), loss=lambda y, p: ops.sum(y * p), run_eagerly=True)
    model.train_on_batch(x, weights)
    slope = starts[which] - array(getattr(layer, which))

    def at(k, step):
        moved = {name: start.copy() for name, start in starts.items()}
        moved[which][k] += step
        shares = [softmax(start) for start in moved.values()]
        return (oracle.switchable(x, None, shares=shares) * weights).sum()

    wanted = [(at(k, 1e-5) - at(k, -1e-5)) / 2e-5 for k in range(3)]
    np.testing.assert_allclose(slope, wanted, rtol=1e-3, atol=1e-3)


def test_gradient_at_inference_does_not_pass_through_the_estimates(rng):
    """The batch's part is then a constant, so examples do not see one another."""
    x, weights = image(rng), image(rng, 0)
    weights[0] = 0
    layer, _ = mixed(SHAPE, [1.0, -1.0, 0.5], [0.0, 2.0, 1.0])
    dx = gradient(lambda x: ops.sum(ops.multiply(layer(x, training=False), weights)), x)
    assert (dx[0] == 0).all() and np.abs(dx[1:]).max() > 0


@pytest.mark.parametrize("how", ["inference", "frozen"])
@pytest.mark.parametrize("masked", [False, True])
def test_estimates_follow_the_momentum_and_serve_inference(rng, how, masked):
    layer, shares = mixed(SHAPE, [1.0, -1.0, 0.5], [0.0, 2.0, 1.0], momentum=0.9)
    moving_mean, moving_variance = np.zeros(6), np.ones(6)
    for _ in range(4):
        x = image(rng)
        mask = rng.random(SHAPE[:-1]) > 0.3 if masked else None
        layer(x, training=True, mask=mask)
        mean, variance, _ = oracle.statistics(x, (0, 1, 2), mask)
        moving_mean = 0.9 * moving_mean + 0.1 * mean
        moving_variance = 0.9 * moving_variance + 0.1 * variance
    np.testing.assert_allclose(array(layer.moving_mean), moving_mean, rtol=1e-5)
    np.testing.assert_allclose(array(layer.moving_variance), moving_variance, rtol=1e-5)
    layer.trainable = how != "frozen"
    y = array(layer(x, training=how == "frozen", mask=mask))
    np.testing.assert_allclose(array(layer.moving_mean), moving_mean, rtol=1e-5)
    expected = with_estimates(x, mask, shares, moving_mean, moving_variance)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def with_estimates(x, mask, shares, moving_mean, moving_variance):
    """The formula, example by example, the batch's part given."""
    out = np.zeros(x.shape)
    for n, example in enumerate(x):
        keep = None if mask is None else mask[n]
        m_in, v_in, _ = oracle.statistics(example, (0, 1), keep)
        m_ln, v_ln, _ = oracle.statistics(example, (0, 1, 2), keep)
        means, variances = (m_in, m_ln, moving_mean), (v_in, v_ln, moving_variance)
        mean = sum(s * m for s, m in zip(shares[0], means, strict=True))
        variance = sum(s * v for s, v in zip(shares[1], variances, strict=True))
        y = (example.astype("float64") - mean) / np.sqrt(variance + 1e-3)
        out[n] = y if keep is None else np.where(keep[..., None], y, 0)
    return out


def test_fully_masked_batch_changes_nothing(rng):
    layer = SwitchableNormalization()
    layer(image(rng), training=True)
    before = [array(weight) for weight in layer.weights]
    y = array(layer(image(rng) * np.nan, training=True, mask=np.zeros(SHAPE[:-1], bool)))
    assert (y == 0).all()
    for old, new in zip(before, layer.weights, strict=True):
        np.testing.assert_array_equal(old, array(new))


@pytest.mark.parametrize("shape", [(4, 6), (4, 1, 6), (4, 1, 1, 6)], ids=str)
def test_one_position_is_refused(shape):
    with pytest.raises(ValueError, match="single value"):
        SwitchableNormalization().build(shape)


def test_weights_move_to_where_the_statistics_serve(rng):
    """A target that batch normalization gives exactly: its share grows in means and variances."""
    x = rng.normal(size=(16, 6, 6, 4)) * rng.uniform(0.2, 5, (16, 1, 1, 4))
    x = (x + rng.normal(0, 3, (16, 1, 1, 4))).astype("float32")
    layer = SwitchableNormalization()
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    wanted = oracle.normalize(x, (0, 1, 2))
    steps = (np.concatenate([part] * 50) for part in (x, wanted))
    model.fit(*steps, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for weights in (layer.mean_weights, layer.variance_weights):
        assert softmax(array(weights))[2] > 0.8


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="tf.distribute")
def test_replicas_do_not_drift_apart(rng):
    import tensorflow as tf

    strategy = two_replicas()
    with strategy.scope():
        layer = SwitchableNormalization(momentum=0.9)
        layer.build((None, 4, 3))
    step = tf.function(lambda x: layer(x, training=True))
    wanted = [0, 1]
    for sizes in ((3, 1), (2, 0)):
        parts = [rng.normal(2, 3, (n, 4, 3)).astype("float32") for n in sizes]
        batches = strategy.experimental_distribute_values_from_function(
            lambda context, parts=parts: tf.constant(parts[context.replica_id_in_sync_group])
        )
        strategy.run(step, args=[batches])
        moments = [(p.mean((0, 1)), p.var((0, 1))) for p in parts if len(p)]
        counts = [n for n in sizes if n]
        for k, estimate in enumerate((layer.moving_mean, layer.moving_variance)):
            average = np.average([moment[k] for moment in moments], axis=0, weights=counts)
            wanted[k] = 0.9 * wanted[k] + 0.1 * average
            for copy in estimate.value.values:
                np.testing.assert_allclose(copy.numpy(), wanted[k], rtol=1e-5)
