"""Layers by name: `get` and `names`."""

import json

import keras
import pytest
from backends import once

from kerasnorm import normalization as kn

pytestmark = once


@pytest.mark.parametrize("name", kn.names())
def test_registry_round_trip(name):
    layer = kn.get(name, epsilon=0.5)
    assert layer.epsilon == 0.5
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert type(kn.get(config)) is type(layer)
    assert kn.get(config, epsilon=0.25).epsilon == 0.25
    assert kn.get(layer) is layer


@pytest.mark.parametrize("wrong", ["bach", "", 3, {}, {"config": {}}, ["batch"]], ids=repr)
def test_registry_refuses_with_the_choices(wrong):
    with pytest.raises(ValueError, match="'batch', 'sync_batch', 'layer', 'instance', 'group'"):
        kn.get(wrong)


def test_registry_takes_no_arguments_beside_a_layer():
    assert kn.get(None) is None
    with pytest.raises(ValueError, match="epsilon"):
        kn.get(kn.BatchNormalization(), epsilon=0.5)
