"""What holds for every loss: shapes, dtypes, masks, weights, wrong labels, configs, training."""

import itertools
import json

import keras
import numpy as np
import pytest
from backends import once
from gradients import compiled
from imbalance import loss_formulas
from imbalance.losses import KINDS, LOSSES, K, draw, is_binary, targets, value_and_slope
from keras import ops

from kerasnorm.backend import set_keras_mask
from kerasnorm.imbalance import GroupAccuracy, count_classes
from kerasnorm.imbalance import losses as kl

every_loss = pytest.mark.parametrize("name", LOSSES)


@once
def test_every_public_loss_is_in_the_table():
    assert {type(make()).__name__ for make in LOSSES.values()} == set(kl.__all__)


@pytest.mark.parametrize(
    ("shape", "column", "dtype"),
    [((), False, "int64"), ((), True, "float32"), ((2, 3), False, "uint8"), ((2, 3), True, "int8")],
)
def test_shapes_and_dtypes_of_class_numbers(shape, column, dtype, rng):
    y, z = draw(rng, shape, n=6)
    rows = z.reshape(-1, K).astype(float)
    expected = loss_formulas.focal(rows, y.ravel(), rows)
    labels = (y[..., None] if column else y).astype(dtype)
    found = ops.convert_to_numpy(kl.SparseFocalCrossentropy(reduction=None)(labels, z))
    assert found.shape == y.shape
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-5, atol=1e-6)


@every_loss
def test_ignored_and_masked_positions_change_nothing(name, rng):
    """What is padded holds NaN and labels of no class; the mean is over the rest."""
    y, z = draw(rng, (5,))
    used = np.ones(y.shape, bool)
    used[:, 3:] = False
    rubbish = np.where(used[..., None], z, np.nan).astype("float32")
    masked = ops.convert_to_tensor(rubbish)
    set_keras_mask(masked, ops.convert_to_tensor(used))
    wrong = np.where(used[..., None] if is_binary(name) else used, targets(name, y), -9)
    alone = float(LOSSES[name]()(targets(name, y[:, :3]), z[:, :3]))
    found = [float(LOSSES[name]()(wrong, masked))]
    if not is_binary(name):
        ignored = np.where(used, y, 255)
        value, slope = value_and_slope(LOSSES[name](ignore_class=255), ignored, rubbish)
        found.append(float(value))
        assert not slope[:, 3:].any() and np.isfinite(slope).all() and slope.any()
    np.testing.assert_allclose(found, [alone] * len(found), rtol=1e-5)


@every_loss
def test_weights_of_examples_go_to_all_of_their_positions(name, rng):
    """Also where there are as many examples as positions, for which Keras would mix them up."""
    y, z = draw(rng)
    weights = np.array([2.0, 0.0, 0.5], "float32")
    y = targets(name, y)
    found = float(LOSSES[name]()(y, z, weights))
    wide = float(LOSSES[name]()(y, z, np.broadcast_to(weights[:, None], (3, 3))))
    np.testing.assert_allclose(found, wide, rtol=1e-5)
    _, slope = value_and_slope(LOSSES[name](), y, z, weights)
    assert not slope[1].any() and slope[0].any() and slope[2].any()
    losses = ops.convert_to_numpy(LOSSES[name](reduction=None)(y, z))
    if name not in ("lovasz", "seesaw, counting"):
        expected = losses * weights.reshape((3,) + (1,) * (losses.ndim - 1))
        np.testing.assert_allclose(found, expected.mean(), rtol=1e-5)
    doubled = float(LOSSES[name](reduction="sum")(y, z, 2 * np.ones(3)))
    np.testing.assert_allclose(doubled, 2 * losses.sum(), rtol=1e-5)


@every_loss
def test_a_label_outside_the_classes(name, rng):
    y, z = draw(rng)
    y = targets(name, y).astype("float32")
    for label in (-1, np.nan, K):
        y.flat[3] = label
        with pytest.raises(ValueError, match=r"[Ll]abel"):
            LOSSES[name]()(y, z)


@pytest.mark.skipif(keras.config.backend() == "torch", reason="nothing is hidden there")
def test_a_label_outside_the_classes_in_compiled_code(rng):
    y, z = draw(rng)
    made = {name: LOSSES[name]() for name in KINDS}
    labels = [targets(name, y).astype("float32") for name in made]
    for each in labels:
        each.flat[3] = K

    def losses(logits, *labels):
        return [loss(y, logits) for loss, y in zip(made.values(), labels, strict=True)]

    found = dict(zip(made, compiled(losses)(z, *labels), strict=True))
    assert all(np.isnan(float(value)) for value in found.values()), found


@once
@every_loss
def test_other_shapes(name, rng):
    y, z = draw(rng)
    y = targets(name, y)
    loss = LOSSES[name]()
    for labels, logits in [(y[:2], z), (y[:, :1], z), (y[..., None, None], z)]:
        with pytest.raises(ValueError, match="shape"):
            loss(labels, logits)
    if not is_binary(name):
        with pytest.raises(ValueError, match="classes on the last axis"):
            loss(y, z[..., :1])


@pytest.mark.parametrize(
    ("name", "dtype"), [*zip(LOSSES, itertools.cycle(["float16", "bfloat16"]), strict=False)]
)
def test_half_precision_is_computed_in_float32(name, dtype, rng):
    y, z = draw(rng)
    y = targets(name, y)
    half = ops.cast(ops.convert_to_tensor(8 * z), dtype)
    expected = float(LOSSES[name]()(y, ops.cast(half, "float32")))
    found = LOSSES[name](dtype=dtype)(y, half)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found) == expected


@once
def test_counts_bring_what_to_ignore():
    counts = count_classes(np.array([[0, 1, 2, 255, 3]]), ignore_class=255)

    def seesaw(counts, **settings):
        return kl.Seesaw(K, counts=counts, **settings)

    for make in (kl.LogitAdjusted, kl.BalancedSoftmax, kl.LDAM, seesaw, GroupAccuracy):
        assert make(counts).ignore_class == 255
        assert make(counts, ignore_class=9).ignore_class == 9


@once
@every_loss
def test_its_config_says_everything(name, rng):
    """As JSON, with what `Seesaw` has counted."""
    y, z = draw(rng)
    loss = LOSSES[name](reduction="sum")
    loss(targets(name, y), z)
    saved = json.dumps(keras.saving.serialize_keras_object(loss))
    again = keras.saving.deserialize_keras_object(json.loads(saved))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    np.testing.assert_allclose(*(float(each(targets(name, y), z)) for each in (again, loss)))


def test_fit(rng):
    """An output for a loss of each kind, all in one graph."""
    made = {name: LOSSES[name]() for name in KINDS}
    inputs = keras.Input((3,))
    outputs = [keras.layers.Dense(K, name=f"o{i}")(inputs) for i in range(len(made))]
    model = keras.Model(inputs, outputs)
    counter = made["seesaw, counting"].counter
    model.compile(
        keras.optimizers.SGD(0.05),
        [*made.values()],
        metrics=[[counter] if name == "seesaw, counting" else [] for name in made],
        jit_compile=keras.config.backend() == "jax",
    )
    y, _ = draw(rng, (), n=6)
    x = rng.normal(size=(len(y), 3)).astype("float32")
    labels = [targets(name, y) for name in made]
    history = model.fit(x, labels, epochs=3, batch_size=len(y), verbose=0).history
    for i, name in enumerate(made):
        values = history[f"o{i}_loss"]
        assert np.isfinite(values).all() and values[-1] < values[0], name
    assert counter.to_list() == (3 * np.bincount(y, minlength=K)).tolist()
