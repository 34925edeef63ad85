"""The table of a model's layers."""

import json

import keras
import pytest
from backends import once
from keras import layers
from surgery.surgery_models import MODELS, nested, randomised
from transfer import freezing_models

from kerasnorm import normalization as norms
from kerasnorm.surgery import freeze_statistics, inspect
from kerasnorm.surgery._kinds import KNOWN, kind_of
from kerasnorm.transfer import trainable_table

pytestmark = once


@pytest.mark.parametrize("models", [MODELS, freezing_models.MODELS], ids=["here", "freezing"])
def test_every_kind_adds_up(models):
    for make in models.values():
        model = make()
        table = inspect(model)
        assert sum(row["parameters"] for row in table.rows) == model.count_params()
        trained = sum(keras.ops.size(weight) for weight in model.trainable_weights)
        assert sum(row["trainable_parameters"] for row in table.rows) == int(trained)
        weighted = [row["path"] for row in table.rows if row["parameters"]]
        assert weighted == [row["path"] for row in trainable_table(model).rows]
        assert json.loads(json.dumps(table.to_dict())) == table.to_dict() == {"rows": table.rows}


def test_rows_say_what_is_frozen():
    model = nested()
    inner = model.get_layer("middle").layers[0]
    inner.get_layer("a_bn").trainable = False
    rows = {row["path"]: row for row in inspect(model).rows}
    assert rows["middle/inner/a_bn"] == {
        "path": "middle/inner/a_bn",
        "layer_class": "BatchNormalization",
        "normalization": "batch",
        "axes": [0, 1, 2],
        "trainable": False,
        "statistics_frozen": True,
        "parameters": 16,
        "trainable_parameters": 0,
    }
    assert rows["middle/inner/b_bn"]["statistics_frozen"] is False
    assert rows["middle/inner/b_relu"]["trainable"] is None
    freeze_statistics(model)
    rows = {row["path"]: row for row in inspect(model).rows}
    row = rows["middle/inner/b_bn"]
    assert row["statistics_frozen"] is True and row["trainable"] is True


AXES = [
    (layers.BatchNormalization(), [0, 1, 2]),
    (layers.BatchNormalization(axis=1), [0, 2, 3]),
    (layers.LayerNormalization(), [3]),
    (layers.LayerNormalization(axis=[1, 2]), [1, 2]),
    (layers.GroupNormalization(2), [1, 2, 3]),
    (norms.BatchNormalization(), [0, 1, 2]),
    (norms.SyncBatchNormalization(), [0, 1, 2]),
    (norms.LayerNormalization(), [3]),
    (norms.InstanceNormalization(axis=1), [2, 3]),
    (norms.GroupNormalization(2), [1, 2, 3]),
    (norms.FilterResponseNormalization(), [1, 2]),
]


@pytest.mark.parametrize(("layer", "axes"), AXES, ids=lambda v: type(v).__name__)
def test_axes(layer, axes):
    layer = type(layer).from_config(layer.get_config())
    (row,) = inspect(keras.Sequential([keras.Input((5, 6, 4)), layer])).rows
    assert row["axes"] == axes


def test_it_prints_as_a_table():
    lines = str(inspect(randomised("functional"))).split("\n")
    columns = "layer class axes trainable statistics trained parameters"
    assert lines[0].split() == columns.split()
    assert lines[-1].split() == ["total", "308", "324"]
    assert [line.split()[0] for line in lines[1:3]] == ["a_conv", "a_bn"]


def test_needs_a_built_model():
    with pytest.raises(ValueError, match="is not built"):
        inspect(keras.Sequential([layers.Dense(2)]))


def test_every_name_of_a_normalization_is_known():
    assert {*KNOWN.values()} == {*norms.names()}
    for name in norms.names():
        assert kind_of(norms.get(name)) == name
