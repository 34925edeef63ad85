"""Multipliers by depth, for models of every kind."""

import re

import keras
import numpy as np
import pytest
from backends import once
from transfer.freezing_models import MODELS

from kerasnorm.models._leaves import leaves
from kerasnorm.transfer import LayerwiseLearningRate, freeze, layer_decay

pytestmark = once


def chain(*names):
    return keras.Sequential(
        [keras.Input((4,)), *(keras.layers.Dense(4, name=name) for name in names)]
    )


def by_name(rates):
    return {layer.name: rate for layer, rate in rates.items()}


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        (None, [0.0625, 0.125, 0.25, 0.5, 1]),
        (["stem", "block1", "block2"], [0.125, 0.25, 0.25, 0.5, 1]),
        ([re.compile("stem|block1"), "block2$"], [0.25, 0.25, 0.25, 0.5, 1]),
        (["."], [0.5] * 5),
    ],
)
def test_each_step_down_multiplies(blocks, expected):
    names = ["stem", "block1_a", "block1_b", "block2", "head"]
    rates = layer_decay(chain(*names), 0.5, blocks)
    assert by_name(rates) == pytest.approx(dict(zip(names, expected, strict=True)))


@pytest.mark.parametrize("kind", MODELS)
def test_every_model_trains_with_them(kind):
    model = MODELS[kind]()
    rates = layer_decay(model, 0.5)
    assert len(rates) == sum(bool(leaf.weights) for leaf in leaves(model))
    assert list(rates.values())[-1] == 1 and min(rates.values()) < 1
    optimizer = LayerwiseLearningRate(keras.optimizers.SGD(0.1), rates)
    optimizer.build(model.trainable_variables)
    assert optimizer.multipliers == pytest.approx(rates)


def test_frozen_layers_keep_their_place():
    model = chain("low", "middle", "head")
    freeze(model, "middle")
    rates = layer_decay(model, 0.5)
    assert by_name(rates) == {"low": 0.25, "middle": 0.5, "head": 1}
    model.compile(LayerwiseLearningRate("sgd", rates), "mse", jit_compile=False)
    model.fit(np.ones((4, 4)), np.ones((4, 4)), verbose=0)


@pytest.mark.parametrize(
    ("decay", "blocks", "message"),
    [
        (0, None, "decay"),
        (1.1, None, "decay"),
        (0.5, ["low", "nothing"], "'nothing'"),
        (0.5, ["middle"], "'low' are in none"),
        (0.5, ["low", "l"], "'low' are in none or in several"),
        (0.5, [], "`blocks`"),
    ],
)
def test_wrong_input_is_refused(decay, blocks, message):
    with pytest.raises(ValueError, match=message):
        layer_decay(chain("low", "middle", "head"), decay, blocks)
