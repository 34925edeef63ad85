"""JAX: Keras' DataParallel on the devices of one process and of two."""

import keras
import numpy as np
import pytest

if keras.config.backend() != "jax":
    pytest.skip("keras.distribution is JAX's", allow_module_level=True)

from distribute.cases import BATCH, Crossentropy, difference, even_data, mlp, trained
from distribute.workers import noted, run

from kerasnorm.distribute import DistributedModel, current_strategy, prepare


@pytest.fixture(scope="module")
def expected():
    """Weights and losses of one device."""
    keras.utils.set_random_seed(0)
    model = mlp(keras.Model)
    model.compile(keras.optimizers.SGD(0.1), Crossentropy(from_logits=True))
    logs = model.fit(*even_data(), BATCH, 2, 0, shuffle=False).history
    return model.get_weights(), logs


def test_four_devices_train_as_one(expected):
    with current_strategy().scope():
        model = mlp(DistributedModel)
        model.compile(keras.optimizers.SGD(0.1), Crossentropy(from_logits=True))
        logs = model.fit(*even_data(), BATCH, 2, 0, shuffle=False).history
        assert len(model.layers[1].kernel.value.sharding.device_set) == 4
    assert difference(model.get_weights(), expected[0]) < 1e-5
    np.testing.assert_allclose(logs["loss"], expected[1]["loss"], rtol=1e-5)


NAMES = ["clipped", "layerwise", "class weights", "sample weights", "ignored", "two outputs"]


@pytest.mark.parametrize("name", NAMES)
def test_what_fit_is_asked_for(name):
    """A batch of 16 on four devices."""
    alone, expected = trained(name, keras.Model, BATCH)
    with current_strategy().scope():
        model, found = trained(name, DistributedModel, BATCH)
    assert difference(model.get_weights(), alone.get_weights()) < 1e-5
    for key, values in expected.items():
        np.testing.assert_allclose(found[key], values, rtol=1e-4, err_msg=key)


def test_prediction():
    x = even_data()[0]
    plain = mlp(keras.Model)
    expected = plain.predict(x, BATCH, 0)
    with current_strategy().scope():
        found = prepare(plain).predict(x, BATCH, 0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_prepare_keeps_weights():
    plain = mlp(keras.Model)
    copy = prepare(plain)
    assert difference(copy.get_weights(), plain.get_weights()) == 0
    assert len(copy.layers[1].kernel.value.sharding.device_set) == 4


def test_batches_that_devices_cannot_share_are_refused():
    x, y = even_data()
    with current_strategy().scope():
        model = mlp(DistributedModel)
        model.compile("sgd", Crossentropy(from_logits=True))
        before = model.get_weights()
        with pytest.raises(ValueError, match="`x` of 19 examples has a batch of 3, which 4"):
            model.fit(x[:19], y[:19], BATCH, verbose=0)
        with pytest.raises(ValueError, match="`validation_data` of 19"):
            model.fit(x, y, BATCH, verbose=0, validation_data=(x[:19], y[:19]))
        with pytest.raises(ValueError, match="a batch of 6"):
            model.evaluate(x, y, 6, verbose=0)
    assert difference(model.get_weights(), before) == 0


@pytest.mark.parametrize("count", [1, 3, 4, 19])
def test_prediction_pads_what_devices_cannot_share(count):
    """A short last batch, or all of them: the rows that fill it up are left out again."""
    x, plain = even_data()[0][:count], mlp(keras.Model)
    with current_strategy().scope():
        found = prepare(plain).predict(x, BATCH, 0)
    assert len(found) == count
    np.testing.assert_allclose(found, plain.predict(x, BATCH, 0), atol=1e-5)


class Batches(keras.utils.PyDataset):
    """19 examples in batches of 16, or of 16 and 3 left out."""

    def __init__(self, whole):
        super().__init__()
        self.whole = whole

    def __len__(self):
        return 1 if self.whole else 2

    def __getitem__(self, index):
        x, y = even_data()
        rows = slice(index * BATCH, min((index + 1) * BATCH, 19))
        return x[rows], y[rows]


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_datasets_with_a_short_last_batch_are_refused(method):
    with current_strategy().scope():
        model = mlp(DistributedModel)
        model.compile("sgd", Crossentropy(from_logits=True))
        getattr(model, method)(Batches(whole=True), verbose=0)
        message = r"4 devices cannot share equally.*drop_remainder=True"
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(Batches(whole=False), verbose=0)


def test_a_split_that_devices_can_share_and_one_that_they_cannot(expected):
    """Keras holds out the last examples: 8 of 32, then 6."""
    with current_strategy().scope():
        model = mlp(DistributedModel)
        model.compile("sgd", Crossentropy(from_logits=True), metrics=["accuracy"])
        history = model.fit(*even_data(), BATCH, verbose=0, validation_split=0.25).history
        x, y = even_data()
        held_out = model.evaluate(x[24:], y[24:], BATCH, 0, return_dict=True)
        np.testing.assert_allclose(history["val_loss"][-1], held_out["loss"], rtol=1e-5)
        with pytest.raises(ValueError, match=r"divided by `validation_split=0\.2`, has a batch of"):
            model.fit(*even_data(), BATCH, verbose=0, validation_split=0.2)


@pytest.mark.distributed
def test_two_processes_train_as_one(tmp_path, expected):
    flags = "--xla_force_host_platform_device_count=2"
    run(2, "sharded", tmp_path, KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", XLA_FLAGS=flags)
    for index in range(2):
        weights, logs = noted(tmp_path, "sharded", index)
        assert difference(weights, expected[0]) < 1e-5
        np.testing.assert_allclose(logs["loss"], expected[1]["loss"], rtol=1e-5)
        assert "a batch of unknown size, which 4 devices" in str(logs["refusal"][0])
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert difference(model.get_weights(), expected[0]) < 1e-5
