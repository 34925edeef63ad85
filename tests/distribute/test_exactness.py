"""Training on unequal and empty replicas is training on the whole batches."""

import keras
import numpy as np
import pytest
from replicas import replicas

from kerasnorm.distribute import DistributedModel

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

import tensorflow as tf
from distribute.cases import (
    BATCH,
    CASES,
    CLASSES,
    Crossentropy,
    alone,
    data,
    difference,
    mlp,
    trained,
)

pytestmark = pytest.mark.distributed
# a trace takes longer than its four steps, and test_workers traces others
TRACED = ("mean", "masked", "averages", "two outputs")


@pytest.mark.parametrize("name", CASES)
def test_weights_and_logs_are_those_of_one_process(name):
    """19 examples in batches of 16, on two replicas: 8 and 8, then 2 and 1."""
    model, expected = alone(name)
    wanted = model.get_weights()
    with replicas(2).scope():
        model, found = trained(name, DistributedModel, run_eagerly=name not in TRACED)
    assert difference(model.get_weights(), wanted) < 1e-5
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_allclose(found[key], values, atol=1e-5, err_msg=key)


def test_a_batch_divided_unequally():
    """The gradient, the loss and the metrics of a step are those of the whole batch.

    Equal parts are those of the first batch of every case above.
    """
    sizes, strategy = (5, 3, 1, 0), replicas(4)
    x, y = (array[: sum(sizes)] for array in data())
    keras.utils.set_random_seed(0)
    alone = mlp(keras.Model)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        model = mlp(DistributedModel)
    for each in (alone, model):
        each.compile(
            keras.optimizers.SGD(0.1, global_clipnorm=0.1),
            Crossentropy(from_logits=True),
            metrics=["accuracy"],
            jit_compile=False,
        )
    parts = [np.split(array, np.cumsum(sizes)[:-1]) for array in (x, y)]

    def own(context):
        return tuple(tf.constant(part[context.replica_id_in_sync_group]) for part in parts)

    model.make_train_function()
    logs = model.train_function(iter([strategy.experimental_distribute_values_from_function(own)]))
    expected = alone.train_on_batch(x, y, return_dict=True)
    assert difference(model.get_weights(), alone.get_weights()) < 1e-5
    for name, value in expected.items():
        np.testing.assert_allclose(float(logs[name]), value, rtol=1e-5)


def test_keras_own_model_does_not_pass():
    """What makes this worth having: the test would find Keras' error."""
    expected = alone("mean")[0].get_weights()
    with replicas(2).scope():
        model, _ = trained("mean", keras.Model, run_eagerly=True)
    assert difference(model.get_weights(), expected) > 1e-3


def test_validation_evaluation_and_prediction():
    x, y = data()
    with replicas(4).scope():
        model = mlp(DistributedModel)
        model.compile("sgd", Crossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(
        x, y, BATCH, shuffle=False, validation_data=(x, y, np.arange(1.0, 20)), verbose=0
    ).history
    alone = mlp(keras.Model)
    alone.set_weights(model.get_weights())
    alone.compile("sgd", Crossentropy(from_logits=True), metrics=["accuracy"], run_eagerly=True)
    expected = alone.evaluate(x, y, BATCH, 0, np.arange(1.0, 20), return_dict=True)
    for name, value in expected.items():
        np.testing.assert_allclose(history[f"val_{name}"], [value], rtol=1e-5)
    expected = alone.evaluate(x, y, BATCH, 0, return_dict=True)
    for name, value in model.evaluate(x, y, BATCH, 0, return_dict=True).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5)
    found = model.predict(x, BATCH, 0)
    assert found.shape == (len(x), CLASSES)
    np.testing.assert_allclose(found, alone.predict(x, BATCH, 0), atol=1e-6)


@pytest.mark.parametrize(
    ("policy", "tolerance"), [("mixed_bfloat16", 1e-3), ("mixed_float16", 1e-4)]
)
def test_mixed_precision(policy, tolerance):
    """Scaled losses stay in step, and weights are those of one process but for rounding."""
    keras.config.set_dtype_policy(policy)
    expected = alone("ignored")[0].get_weights()
    with replicas(2).scope():
        model, _ = trained("ignored", DistributedModel, run_eagerly=True)
    assert difference(model.get_weights(), expected) < tolerance
    for variable in model.trainable_variables:
        first, second = (copy.numpy() for copy in variable.value.values)
        np.testing.assert_array_equal(first, second)
