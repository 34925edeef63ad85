"""BatchNormalization beyond the conformance table: estimates, ghost batches, masks."""

import inspect

import keras
import numpy as np
import oracle
import pytest
from keras import ops

from kerasnorm import normalization as kn


def array(tensor):
    return ops.convert_to_numpy(tensor)


def test_masked_sequences_when_time_and_channels_are_equal(rng):
    """Keras expands the mask at the last axis, which is wrong in silence when T = C."""
    x = rng.normal(size=(3, 5, 5)).astype("float32")  # (N, C, T)
    mask = np.arange(5) < np.array([[5], [3], [1]])
    y = array(kn.BatchNormalization(axis=1)(x, training=True, mask=mask))
    expected = oracle.normalize(x.swapaxes(1, 2), (0, 1), mask=mask).swapaxes(1, 2)
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_float16_statistics_do_not_overflow(rng):
    layer = kn.BatchNormalization(dtype="float16", momentum=0.0)
    x = rng.normal(0, 1000, size=(64, 3)).astype("float16")
    layer(x, training=True)
    variance = array(layer.moving_variance)
    assert variance.dtype == "float32"
    np.testing.assert_allclose(variance, x.astype("float64").var(0), rtol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
@pytest.mark.parametrize("masked", [False, True])
def test_ghost_batches(rng, size, masked):
    x = rng.normal(2, 3, size=(7, 4, 3)).astype("float32")
    mask = rng.random((7, 4)) > 0.3 if masked else None
    layer = kn.BatchNormalization(virtual_batch_size=size, momentum=0.0)
    y = array(layer(x, training=True, mask=mask))
    pieces = np.split(np.arange(7), np.arange(size, 7, size))
    parts = [(x[piece], None if mask is None else mask[piece]) for piece in pieces]
    expected = [oracle.normalize(part, (0, 1), mask=kept) for part, kept in parts]
    np.testing.assert_allclose(y, np.concatenate(expected), atol=1e-5)
    moments = [oracle.statistics(part, (0, 1), kept) for part, kept in parts]
    weights = [count for *_, count in moments]
    for estimate, index in ((layer.moving_mean, 0), (layer.moving_variance, 1)):
        average = np.average([m[index] for m in moments], axis=0, weights=weights)
        np.testing.assert_allclose(array(estimate), average, atol=1e-5)


def test_ghost_batches_with_varying_batches_and_channels_first(rng):
    inputs = keras.Input((3, 4))
    layer = kn.BatchNormalization(axis=1, virtual_batch_size=2)
    model = keras.Model(inputs, layer(inputs))
    for batch in (4, 5):
        x = rng.normal(size=(batch, 3, 4)).astype("float32")
        last = x.swapaxes(1, 2)
        expected = np.concatenate(
            [oracle.normalize(last[i : i + 2], (0, 1)) for i in range(0, batch, 2)]
        )
        y = array(model(x, training=True)).swapaxes(1, 2)
        np.testing.assert_allclose(y, expected, atol=1e-5)


def test_estimates_follow_the_momentum_and_serve_inference(rng):
    layer = kn.BatchNormalization(momentum=0.9)
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(5):
        x = rng.normal(4, 3, size=(16, 3)).astype("float32")
        layer(x, training=True)
        mean, variance = 0.9 * mean + 0.1 * x.mean(0), 0.9 * variance + 0.1 * x.var(0)
    np.testing.assert_allclose(array(layer.moving_mean), mean, rtol=1e-5)
    np.testing.assert_allclose(array(layer.moving_variance), variance, rtol=1e-5)
    expected = (x - mean) / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-5)
    layer.trainable = False
    np.testing.assert_allclose(array(layer(x, training=True)), expected, atol=1e-5)
    np.testing.assert_allclose(array(layer.moving_mean), mean, rtol=1e-5)


def test_mask_at_inference_hides_what_it_leaves_out(rng):
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    mask = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], bool)
    x[~mask] = np.nan
    y = array(kn.BatchNormalization()(x, mask=mask))
    np.testing.assert_allclose(y[mask], x[mask] / np.sqrt(1 + 1e-3), rtol=1e-6)
    assert (y[~mask] == 0).all()


CLIPPING = {"rmax": 1.5, "rmin": 0.6, "dmax": 0.4}


@pytest.mark.skipif(
    "renorm" not in inspect.signature(keras.layers.BatchNormalization).parameters,
    reason="Keras has it since 3.15",
)
@pytest.mark.parametrize(("axis", "clipping"), [(-1, CLIPPING), (1, None)])
def test_batch_renormalization_is_that_of_keras(rng, axis, clipping, without_tracing):
    """Outputs, gradients by steps of SGD, and every statistic, of inputs that change."""
    settings = {"renorm": True, "renorm_clipping": clipping, "renorm_momentum": 0.7}
    settings |= {"axis": axis, "momentum": 0.8}
    models = []
    for cls in (keras.layers.BatchNormalization, kn.BatchNormalization):
        norm = cls(**settings, name="bn")
        model = keras.Sequential([keras.Input((4, 5)), keras.layers.Dense(5, name="first"), norm])
        models.append(model)
    models[1].set_weights(models[0].get_weights())
    batches = [rng.normal(k, 1 + k, size=(6, 4, 5)).astype("float32") for k in range(4)]
    target = rng.normal(size=(6, 4, 5)).astype("float32")
    for model in models:
        model.compile(keras.optimizers.SGD(0.1), "mse")
        for batch in batches:
            model.train_on_batch(batch, target)
    theirs, ours = ({v.path.split("/", 1)[1]: array(v) for v in model.weights} for model in models)
    assert theirs.keys() == ours.keys() and len(ours) == 9
    for path, value in theirs.items():
        np.testing.assert_allclose(ours[path], value, rtol=1e-4, atol=1e-5, err_msg=path)
    outputs = [array(model(batches[0], training=False)) for model in models]
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)


def test_batch_renormalization_leaves_out_what_is_masked(rng):
    x, mask = rng.normal(3, 2, size=(4, 6, 3)).astype("float32"), np.ones((4, 6), bool)
    mask[:, 4:] = False
    padded, cut = (kn.BatchNormalization(renorm=True, momentum=0.5) for _ in range(2))
    y = array(padded(np.where(mask[..., None], x, np.nan), training=True, mask=mask))
    np.testing.assert_allclose(y[:, :4], array(cut(x[:, :4], training=True)), atol=1e-5)
    before = [array(v) for v in padded.weights]
    padded(x, training=True, mask=np.zeros_like(mask))
    for variable, value in zip(padded.weights, before, strict=True):
        np.testing.assert_array_equal(array(variable), value)


@pytest.mark.parametrize("other", [{"unbiased": True}, {"virtual_batch_size": 2}])
def test_batch_renormalization_goes_by_whole_biased_batches(other):
    with pytest.raises(ValueError, match="`renorm` uses"):
        kn.BatchNormalization(renorm=True, **other)
