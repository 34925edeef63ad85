"""Statistics frozen apart from γ and β."""

import copy

import keras
import numpy as np
import pytest
from backends import once
from keras import layers
from replicas import two_replicas
from transfer.freezing_models import BELOW_HEAD, MODELS, SHAPE, chain, head, what_moves

from kerasnorm.normalization import InstanceNormalization, SyncBatchNormalization
from kerasnorm.surgery import freeze_statistics, unfreeze_statistics
from kerasnorm.transfer import freeze, trainable_table

# the fits that are traced are those of transfer/test_freezing.py and of test_traps.py
pytestmark = [
    pytest.mark.usefixtures("without_tracing"),
    pytest.mark.filterwarnings("ignore:`build.*on layer 'block'"),  # which has no `build`
]


def moved(model):
    """Whether each weight moves; but biases, whose slope below a normalization is rounding."""
    found = zip([weight.path for weight in model.weights], what_moves(model), strict=True)
    return {path: moves for path, moves in found if not path.endswith("bias")}


def with_statistics(model):
    return [type(layer) for layer in model._flatten_layers() if hasattr(layer, "moving_mean")]


@pytest.mark.parametrize("kind", MODELS)
def test_statistics_stay_and_all_else_moves_as_before_and_after(kind):
    model = MODELS[kind]()
    classes, trained = with_statistics(model), [w.path for w in model.trainable_weights]
    paths = freeze_statistics(model)
    assert freeze_statistics(model) == []
    rows = trainable_table(model).rows
    assert paths == [row["path"] for row in rows if row["statistics"] is not None] != []
    frozen = moved(model)
    with pytest.warns(UserWarning, match="is compiled"):
        assert unfreeze_statistics(model) == paths
    assert unfreeze_statistics(model) == []
    free = moved(model)
    assert frozen == {path: on and "/moving_" not in path for path, on in free.items()}
    assert any(path.endswith("gamma") for path, on in free.items() if on)
    assert any("/moving_" in path for path, on in free.items() if on)
    assert [weight.path for weight in model.trainable_weights] == trained
    assert all(free[path] for path in trained if path.endswith(("gamma", "beta", "kernel")))
    again = with_statistics(model)
    assert [cls.__name__ for cls in again] == [cls.__name__ for cls in classes]
    assert all(issubclass(new, old) for new, old in zip(again, classes, strict=True))


@pytest.mark.parametrize(
    "layer",
    [
        layers.BatchNormalization(momentum=0.5),
        layers.BatchNormalization(center=False, scale=False),
        SyncBatchNormalization(),
        InstanceNormalization(track_statistics=True),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_every_layer_with_statistics(layer):
    layer = type(layer).from_config(layer.get_config())
    model = chain(layer, head())
    x = np.random.default_rng(0).normal(2, 3, (4, *SHAPE)).astype("float32")
    inference = keras.ops.convert_to_numpy(layer(x, training=False))
    assert freeze_statistics(model) == [layer.name]
    training = keras.ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_array_equal(training, inference)
    found = moved(model)
    assert not any(on for path, on in found.items() if "/moving_" in path)


@once
def test_instance_normalization_without_statistics_is_left_alone():
    model = chain(InstanceNormalization(), layers.LayerNormalization(), head())
    assert freeze_statistics(model) == []


@once
@pytest.mark.parametrize(
    "copied",
    [
        copy.deepcopy,
        keras.models.clone_model,
        lambda model: keras.models.model_from_json(model.to_json()),
    ],
    ids=["deepcopy", "clone_model", "json"],
)
@pytest.mark.parametrize("kind", ["nested", "custom", "shared"])
def test_copies_are_frozen_too(kind, copied):
    model = MODELS[kind]()
    freeze(model, BELOW_HEAD, batchnorm="affine_only")
    rows = [trainable_table(m).rows for m in (model, copied(model))]
    assert any(row["statistics"] is False for row in rows[0])
    facts = [[(row["layer_class"], row["trainable"], row["statistics"]) for row in r] for r in rows]
    assert facts[0] == facts[1]


@once
def test_the_config_stays_readable():
    model = chain(layers.BatchNormalization(momentum=0.5, name="bn"), head())
    before = model.get_layer("bn").get_config()
    freeze_statistics(model)
    config = model.get_layer("bn").get_config()
    assert {key: config[key] for key in before} == before
    assert type(model.get_layer("bn")).__name__ == "BatchNormalization"


def test_a_mask_still_reaches_the_layer():
    model = keras.Sequential(
        [keras.Input((4, 3)), layers.Masking(), layers.BatchNormalization(), head()]
    )
    freeze_statistics(model)
    model.compile("sgd", "mse")
    x = np.ones((2, 4, 3), "float32")
    x[:, 2:] = 0
    model.fit(x, np.ones((2, 4, 2), "float32"), verbose=0)
    assert not np.any(model.layers[1].moving_mean.numpy())


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="replicas of tf.distribute")
def test_statistics_move_under_frozen_parameters_on_replicas():
    strategy = two_replicas()
    with strategy.scope():
        model = chain(layers.BatchNormalization(name="bn"), head())
        freeze(model, BELOW_HEAD, batchnorm="train")
        model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(3, 1, (32, *SHAPE)).astype("float32")
    model.fit(x, np.ones((32, 8, 2), "float32"), batch_size=16, verbose=0)
    bn = model.get_layer("bn")
    assert np.all(bn.moving_mean.numpy() > 0) and np.all(bn.gamma.numpy() == 1)
    assert bn.trainable is False
