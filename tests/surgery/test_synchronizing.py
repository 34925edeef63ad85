"""Synchronous batch normalization, and the way back."""

import keras
import numpy as np
import oracle
import pytest
from backends import once
from keras import layers
from keras_versions import HAS_RENORM
from surgery.reading import by_path, one_layer, paths_of, state
from surgery.surgery_models import MODELS, functional, outputs, randomised
from transfer.freezing_models import OwnBatchNorm

from kerasnorm import normalization as norms
from kerasnorm.models._leaves import every_layer
from kerasnorm.surgery import (
    convert_sync_batchnorm,
    freeze_statistics,
    inspect,
    revert_sync_batchnorm,
)

BATCH = (layers.BatchNormalization, norms.BatchNormalization)
CONFIGS_KNOW = [kind for kind in MODELS if kind not in ("composite", "subclassed")]


@once
@pytest.mark.parametrize("kind", MODELS)
def test_bit_equal_and_back(kind):
    model = randomised(kind)
    before = state(model)
    sync = convert_sync_batchnorm(model)
    back = revert_sync_batchnorm(sync)
    assert state(model) == before
    assert paths_of(sync, norms.SyncBatchNormalization) == paths_of(model, *BATCH)
    for mine, theirs in zip(outputs(sync, kind), outputs(model, kind), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert [*by_path(sync)] == [*by_path(model)]
    assert not paths_of(back, norms.SyncBatchNormalization)
    for old, new in zip(every_layer(model), every_layer(back), strict=True):
        assert (old.path, old.layer.trainable) == (new.path, new.layer.trainable)
        if isinstance(old.layer, BATCH):
            assert type(new.layer) is type(old.layer)
            assert new.layer.get_config() == old.layer.get_config()
    for old, new in zip(model.weights, back.weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (old, new)))
        assert (old.path, old.dtype, old.trainable) == (new.path, new.dtype, new.trainable)
    if kind in CONFIGS_KNOW:
        assert keras.tree.map_structure(str, back.get_config()) == before["config"]


@pytest.mark.parametrize(
    ("make", "policy"),
    [
        (layers.BatchNormalization, "float32"),
        (layers.BatchNormalization, "mixed_float16"),
        (norms.BatchNormalization, "mixed_bfloat16"),
        (OwnBatchNorm, "float16"),
    ],
)
def test_bit_equal_under_any_policy(rng, make, policy):
    model = one_layer(make(dtype=policy, epsilon=0.01), (5, 7))
    for weight in model.weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    sync = convert_sync_batchnorm(model)
    x = rng.normal(3, 2, (4, 5, 7)).astype("float32")
    first, second = (keras.ops.convert_to_numpy(m(x)).tobytes() for m in (model, sync))
    assert first == second
    back = revert_sync_batchnorm(sync).layers[0]
    # by name: pytest imports files with doctests twice, and registers their classes again
    names = [keras.saving.get_registered_name(cls) for cls in (type(back), make)]
    assert names[0] == names[1] and back.get_config() == model.layers[0].get_config()
    assert [weight.dtype for weight in back.weights] == [w.dtype for w in model.weights]


def test_training_uses_the_exact_statistics(rng):
    sync = convert_sync_batchnorm(one_layer(layers.BatchNormalization(momentum=0.0), (6,)))
    x = rng.normal(1e3, 1, (16, 6)).astype("float32")
    y = keras.ops.convert_to_numpy(sync(x, training=True))
    np.testing.assert_allclose(y, oracle.normalize(x, (0,)), atol=2e-4)
    mean, variance, _ = oracle.statistics(x, (0,))
    np.testing.assert_allclose(sync.layers[0].moving_mean, mean, rtol=1e-6)
    np.testing.assert_allclose(sync.layers[0].moving_variance, variance, rtol=1e-4)


def test_what_is_trained_between_comes_back(rng):
    sync = convert_sync_batchnorm(functional())
    sync.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    x = rng.normal(size=(4, 8, 8, 4)).astype("float32")
    sync.fit(x, x, verbose=0)
    back = revert_sync_batchnorm(sync)
    assert back.compiled and int(back.optimizer.iterations) == 1
    for mine, theirs in zip(back.get_weights(), sync.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert np.any(by_path(back)["a_bn/moving_mean"])


@once
def test_statistics_stay_frozen():
    model = functional()
    freeze_statistics(model)
    sync = convert_sync_batchnorm(model)
    frozen = {row["path"]: row["statistics_frozen"] for row in inspect(sync).rows}
    assert frozen["a_bn"] and frozen["b_bn"]
    back = revert_sync_batchnorm(sync)
    assert freeze_statistics(back) == []
    assert back.get_config() == model.get_config()


@once
def test_layers_of_ones_own_and_flags():
    stack = [norms.SyncBatchNormalization(name="sync"), norms.BatchNormalization(name="own")]
    stack += [norms.BatchNormalization(synchronized=True, name="flag", momentum=0.5)]
    model = keras.Sequential([keras.Input((4,)), *stack])
    found = [type(layer) for layer in convert_sync_batchnorm(model).layers]
    assert found == [norms.SyncBatchNormalization] * 2 + [norms.BatchNormalization]
    back = revert_sync_batchnorm(model)
    assert [type(layer) for layer in back.layers] == [norms.BatchNormalization] * 3
    assert [layer.synchronized for layer in back.layers] == [False] * 3
    assert back.get_layer("flag").momentum == 0.5


@once
def test_a_model_without_batch_normalization_is_copied():
    model = one_layer(layers.Dense(3), (4,))
    for make in (convert_sync_batchnorm, revert_sync_batchnorm):
        new = make(model)
        assert new is not model and new.get_config() == model.get_config()


class Odd(layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return super().call(inputs * 2, training=training, mask=mask)


REFUSED = [
    (norms.BatchNormalization(virtual_batch_size=4, name="bn"), "'bn' normalizes ghost batches"),
    (Odd(name="bn"), "'bn' is a Odd with a `call` of its own"),
]
if HAS_RENORM:
    renormalizing = layers.BatchNormalization(renorm=True, name="bn")
    REFUSED.append((renormalizing, "'bn' uses batch renormalization"))


@once
@pytest.mark.parametrize(("layer", "said"), REFUSED)
def test_wrong_input_is_refused(layer, said):
    model = one_layer(layer, (4,))
    before = state(model)
    with pytest.raises(ValueError) as error:
        convert_sync_batchnorm(model)
    assert said in str(error.value) and state(model) == before
