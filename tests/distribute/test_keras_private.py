"""Canary: what `distribute._keras` takes from Keras is there and means what it meant."""

import inspect

import keras
import numpy as np
import pytest
from keras.src.losses.loss import reduce_weighted_values
from keras.src.trainers.compile_utils import CompileLoss

if keras.config.backend() != "tensorflow":
    pytest.skip("on TensorFlow alone", allow_module_level=True)

pytestmark = pytest.mark.keras_fault


def test_names():
    assert {"y_true", "y_pred"} <= inspect.signature(CompileLoss.build).parameters.keys()
    assert CompileLoss.Loss._fields == ("path", "loss", "loss_weights", "name")
    losses = CompileLoss({"a": "mse"}, {"a": 2.0}, output_names=["a"])
    assert (losses._user_loss, losses._user_loss_weights) == ({"a": "mse"}, {"a": 2.0})
    assert losses.output_names == ["a"]
    for name in ("_maybe_symbolic_build", "_symbolic_build", "_clear_losses"):
        assert callable(getattr(keras.Model, name))
    assert callable(keras.optimizers.SGD._all_reduce_sum_gradients)
    assert "inner_optimizer" in vars(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()))


def test_models_have_what_steps_look_at():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    assert isinstance(model._compile_loss, CompileLoss)
    assert isinstance(model._loss_tracker, keras.metrics.Mean)


def test_sums_are_of_weighted_and_masked_values():
    values, weights = np.array([1.0, 2.0, 4.0]), np.array([1.0, 3.0, 5.0])
    mask = np.array([True, True, False])
    assert float(reduce_weighted_values(values, weights, mask, "sum", "float32")) == 7
    assert float(reduce_weighted_values(values, None, None, "sum", "float32")) == 7
    assert float(reduce_weighted_values(values, weights, mask, "mean", "float32")) == 3.5
