"""What `fit` is given, on replicas: arrays, datasets, callbacks, and what it refuses."""

import keras
import numpy as np
import pytest
from processes import run_in_a_new_process
from replicas import replicas

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

import tensorflow as tf
from distribute.cases import BATCH, CLASSES, Crossentropy, data, difference, mlp, pixelwise

from kerasnorm.distribute import DistributedModel, prepare
from kerasnorm.imbalance import resample

pytestmark = pytest.mark.distributed


@pytest.fixture(scope="module")
def strategy():
    return replicas(2)


@pytest.fixture
def model(strategy):
    """A small compiled model on two replicas, whose steps are not traced."""
    with strategy.scope():
        model = pixelwise(DistributedModel)
    model.compile("sgd", Crossentropy(from_logits=True), run_eagerly=True)
    return model


def maps():
    rng = np.random.default_rng(0)
    return rng.normal(size=(19, 4, 4, 2)), rng.integers(0, CLASSES, (19, 4, 4))


class Seen(keras.callbacks.Callback):
    """Notes how many batches an epoch has."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.batches[-1] += 1


def test_shuffled_arrays_have_the_order_of_seed_and_epoch(model):
    """The same seed trains to the same weights, in one go or in two; another seed does not."""
    x, y = maps()
    start = model.get_weights()

    def train(seed, *spans):
        model.set_weights(start)
        for first, last in spans:
            keras.utils.set_random_seed(seed)
            model.fit(x, y, 4, last, 0, initial_epoch=first)
        return model.get_weights()

    whole = train(0, (0, 3))
    assert difference(train(0, (0, 1), (1, 3)), whole) == 0
    assert difference(train(1, (0, 3)), whole) > 1e-5


def test_arguments_by_position_and_a_split(model):
    x, y = maps()
    seen = Seen()
    history = model.fit(x, y, 4, 2, 0, [seen], 0.2, None, True, None, np.ones((19, 1, 1))).history
    assert seen.batches == [4, 4]  # 15 of 19
    assert len(history["val_loss"]) == 2


def test_a_resampled_dataset_is_followed(model):
    dataset = resample(maps(), weights=np.ones(19), batch_size=8)
    seen = Seen()
    model.fit(dataset, initial_epoch=5, epochs=7, callbacks=seen, shuffle=False, verbose=0)
    assert seen.batches == [3, 3]
    assert dataset.epoch_counter.next == 7


def test_steps_at_once_and_by_hand(strategy):
    with strategy.scope():
        model = pixelwise(DistributedModel)
    model.compile("sgd", Crossentropy(from_logits=True), steps_per_execution=2, run_eagerly=True)
    x, y = maps()
    seen = Seen()
    model.fit(x, y, 4, callbacks=[seen], verbose=0)
    assert seen.batches == [3]  # of 2, 2 and 1 of the 5 steps
    assert int(model.optimizer.iterations.numpy()) == 5
    assert np.isfinite(model.train_on_batch(x[:4], y[:4]))
    assert np.isfinite(model.test_on_batch(x[:4], y[:4]))


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"jit_compile": True}, "jit_compile=True"),
        ({"optimizer": keras.optimizers.SGD(gradient_accumulation_steps=2)}, "accumulate"),
        ({"optimizer": keras.optimizers.SGD(use_ema=True, ema_overwrite_frequency=3)}, "averages"),
    ],
    ids=["jit", "accumulation", "averages"],
)
def test_what_replicas_cannot_do_is_refused(strategy, changed, match):
    with strategy.scope():
        model = pixelwise(DistributedModel)
    with pytest.raises(ValueError, match=match):
        model.compile(**{"optimizer": "sgd", "loss": "mse", **changed})


def test_an_optimizer_that_was_used_elsewhere_is_refused(strategy):
    optimizer = keras.optimizers.SGD()
    optimizer.build(pixelwise(keras.Model).trainable_variables)
    with strategy.scope():
        model = pixelwise(DistributedModel)
    with pytest.raises(ValueError, match="SGD is built for variables outside"):
        model.compile(optimizer, "mse")


def test_optimizers_and_metrics_may_be_made_outside_of_the_scope(strategy):
    optimizer = keras.optimizers.Adam(0.1, clipnorm=1.0)
    metrics = [keras.metrics.SparseCategoricalAccuracy("hits")]
    with strategy.scope():
        model = pixelwise(DistributedModel)
    model.compile(optimizer, Crossentropy(from_logits=True), metrics=metrics, run_eagerly=True)
    assert {"loss", "hits"} == model.fit(*maps(), BATCH, verbose=0).history.keys()
    assert model.optimizer.clipnorm == 1.0


def test_arrays_of_other_lengths_are_refused(model):
    x, y = maps()
    with pytest.raises(ValueError, match=r"as many examples as one another. Received: \[18, 19\]"):
        model.fit(x, y[:18], 4, verbose=0)


@pytest.mark.parametrize("sequential", [True, False])
def test_prepare_keeps_weights_flags_and_names(strategy, sequential):
    plain = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, name="low")])
    plain.add(keras.layers.Dense(CLASSES, name="head"))
    if not sequential:
        plain = keras.Model(plain.inputs, plain.outputs, name="net")
    plain.get_layer("low").trainable = False
    copy = prepare(plain, strategy)
    assert isinstance(copy, DistributedModel)
    assert copy.name == plain.name
    assert difference(copy.get_weights(), plain.get_weights()) == 0
    assert [layer.name for layer in copy.layers if layer.trainable_variables] == ["head"]
    copy.compile("sgd", Crossentropy(from_logits=True), run_eagerly=True)
    before = plain.get_weights()
    copy.fit(*data(), BATCH, verbose=0)
    assert difference(plain.get_weights(), before) == 0
    assert difference(copy.get_weights()[:2], before[:2]) == 0
    assert difference(copy.get_weights()[2:], before[2:]) > 0


def test_prepare_goes_on_with_how_a_model_is_compiled(strategy):
    """In the scope of a strategy it is that one's; the optimizer keeps its moments."""
    plain = pixelwise(keras.Model)
    plain.compile("adam", Crossentropy(from_logits=True), metrics=["accuracy"], run_eagerly=True)
    settings = {"batch_size": BATCH, "shuffle": False, "verbose": 0}
    plain.fit(*maps(), **settings)
    with strategy.scope():
        copy = prepare(plain)
    assert copy.distribute_strategy is strategy
    history = [each.fit(*maps(), **settings).history for each in (plain, copy)]
    assert history[0].keys() == history[1].keys()
    assert difference(copy.get_weights(), plain.get_weights()) < 1e-5


@pytest.mark.parametrize("model", [keras.Sequential([keras.layers.Dense(1)]), None])
def test_prepare_refuses_what_has_no_graph(model):
    with pytest.raises(ValueError, match="built functional or Sequential"):
        prepare(model or Subclassed())


@keras.saving.register_keras_serializable("tests")
class Subclassed(DistributedModel):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.head = keras.layers.Dense(CLASSES)

    def call(self, x):
        return self.head(x)


def test_a_subclass_of_ones_own(strategy):
    """Without a graph, and without `training` in its call: built by the shapes of the batches."""
    x, y = data()
    alone = Subclassed()
    alone(x)
    with strategy.scope():
        model = Subclassed()
    for each in (model, alone):
        each.compile(keras.optimizers.SGD(0.1), Crossentropy(from_logits=True), run_eagerly=True)
    model.fit(x, y, BATCH, shuffle=False, verbose=0)
    model.set_weights(alone.get_weights())
    for each in (model, alone):
        each.fit(x, y, BATCH, shuffle=False, verbose=0)
    assert difference(model.get_weights(), alone.get_weights()) < 1e-5


LOAD = """
import sys, numpy as np, keras
import kerasnorm
model = keras.saving.load_model(sys.argv[1])
x, y = np.ones((4, 6)), np.zeros(4)
print(model.predict(x, verbose=0).sum(), model.evaluate(x, y, verbose=0)[1])
model.fit(x, y, verbose=0)
"""


def test_a_saved_model_loads_and_trains_in_a_new_process(strategy, tmp_path):
    with strategy.scope():
        model = mlp(DistributedModel)
    model.compile("adam", Crossentropy(from_logits=True), metrics=["accuracy"], run_eagerly=True)
    model.fit(*data(), BATCH, verbose=0)
    model.save(tmp_path / "model.keras")
    printed = run_in_a_new_process(LOAD, tmp_path / "model.keras").split()
    found = model.predict(np.ones((4, 6)), verbose=0).sum()
    np.testing.assert_allclose(float(printed[0]), found, rtol=1e-4)


def test_on_one_replica_it_is_keras_own():
    keras.utils.set_random_seed(0)
    plain = pixelwise(keras.Model)
    keras.utils.set_random_seed(0)
    model = pixelwise(DistributedModel)
    for each in (plain, model):
        each.compile("sgd", Crossentropy(from_logits=True))
        each.fit(*maps(), BATCH, verbose=0, shuffle=False)
    assert difference(model.get_weights(), plain.get_weights()) == 0
    assert tf.distribute.get_strategy().num_replicas_in_sync == 1


class StrictConv2D(keras.layers.Conv2D):
    """Fails on no examples, as TensorFlow's kernels do on some processors and not on others."""

    def call(self, inputs):
        tf.debugging.assert_positive(tf.shape(inputs)[0])
        return super().call(inputs)


def test_a_convolution_without_examples_is_explained(strategy):
    """17 examples in batches of 16: the second replica's convolution has none."""
    with strategy.scope():
        model = keras.Sequential([keras.Input((4, 4, 1)), StrictConv2D(2, 3)])
        model = DistributedModel(model.inputs, model.outputs)
    model.compile("sgd", "mse", run_eagerly=True)
    x, y = np.ones((17, 4, 4, 1)), np.ones((17, 2, 2, 2))
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        model.fit(x, y, BATCH, verbose=0)
    assert "a replica left without examples" in caught.value.__notes__[0]
    model.fit(x[:16], y[:16], BATCH, verbose=0)
