"""Files of new models give the same outputs in a new process that only imports kerasnorm."""

import json
import warnings

import keras
import numpy as np
import pytest
from backends import once
from keras_versions import FILES_HOLD_LISTS_IN_DICTS
from processes import SUPPORT, run_in_a_new_process
from surgery.surgery_models import MODELS, outputs, randomised

from kerasnorm.models._copy_model import copy_model
from kerasnorm.models._flags import set_trainable
from kerasnorm.models._leaves import every_layer, leaves
from kerasnorm.surgery import (
    convert_sync_batchnorm,
    fold_batchnorm,
    freeze_statistics,
    replace_normalization,
    revert_sync_batchnorm,
)
from kerasnorm.surgery._kinds import normalizations

pytestmark = [once, pytest.mark.distributed]  # in a new process
CHILD = f"""
import json, pathlib, sys
sys.path.insert(0, {str(SUPPORT)!r})
import keras, numpy
from surgery import surgery_models
from kerasnorm.models._leaves import every_layer
folder = pathlib.Path(sys.argv[1])
found = {{}}
for path in sorted(folder.glob("*.keras")):
    kind = path.stem.partition("-")[0]
    model = keras.models.load_model(path)
    numpy.savez(folder / f"{{path.stem}}.npz", *surgery_models.outputs(model, kind))
    before = model.get_weights()
    for weight in model.weights:
        weight.assign(numpy.zeros(weight.shape, weight.dtype))
    model.load_weights(folder / f"{{path.stem}}.weights.h5")
    same = all(map(numpy.array_equal, model.get_weights(), before))
    layers = [leaf.layer for leaf in every_layer(model) if leaf.layer.weights]
    found[path.stem] = [same, [(type(layer).__name__, layer.trainable) for layer in layers]]
print("FOUND" + json.dumps(found))
"""


def standardized(model):
    return replace_normalization(model, "group", weight_standardization=True).model


def part(model):
    """Some replaced, some frozen, a copy of that, and then others replaced."""
    for leaf in leaves(model)[::3]:
        set_trainable(leaf.layer, False)
    freeze_statistics(model)
    first = normalizations(model)[0].path
    return replace_normalization(copy_model(model), "layer", f"^{first}$").model


WAYS = {
    "standardized": standardized,
    "part": part,
    "sync": convert_sync_batchnorm,
    "back": lambda model: revert_sync_batchnorm(convert_sync_batchnorm(model)),
    "folded": fold_batchnorm,
}


# the surgery of every kind is checked in memory by the other files; these are the ways in which
# its result is held by a file: by name, inside another model, in a wrapper, a cell or an attribute
CASES = [
    *(("functional", way) for way in WAYS),
    *((kind, way) for kind in ("subclassed", "composite") for way in ("standardized", "part")),
    *((kind, "standardized") for kind in ("shared", "several", "listed", "preprocessed")),
    *((kind, "part") for kind in ("nested", "wrapped", "recurrent", "sequential", "masked")),
    ("recurrent", "folded"),
]
assert {kind for kind, _ in CASES} == MODELS.keys()


def facts(model):
    found = [leaf.layer for leaf in every_layer(model) if leaf.layer.weights]
    return [[type(layer).__name__, layer.trainable] for layer in found]


@pytest.fixture(scope="module")
def reloaded(tmp_path_factory):
    folder, models = tmp_path_factory.mktemp("surgery"), {}
    for kind, way in CASES:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*(not folded|cannot be replaced)")
            model = WAYS[way](randomised(kind))
        model.save(folder / f"{kind}-{way}.keras")
        model.save_weights(folder / f"{kind}-{way}.weights.h5")
        models[f"{kind}-{way}"] = model
    return folder, models, json.loads(run_in_a_new_process(CHILD, folder).rpartition("FOUND")[2])


@pytest.mark.parametrize(("kind", "way"), CASES)
def test_a_file_gives_the_same_outputs(reloaded, kind, way):
    if kind in ("composite", "subclassed") and not FILES_HOLD_LISTS_IN_DICTS:
        pytest.skip("Keras before 3.14 does not save the layers of a list in a dict")
    folder, models, rows = reloaded
    name = f"{kind}-{way}"
    same_by_weights, rows_found = rows[name]
    assert same_by_weights and rows_found == facts(models[name])
    with np.load(folder / f"{name}.npz") as arrays:
        found = [arrays[key] for key in arrays.files]
    for mine, theirs in zip(found, outputs(models[name], kind), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_something_is_there_to_lose():
    """The files above would say nothing if new models computed what initial ones compute."""
    for kind in MODELS:
        pairs = zip(MODELS[kind]().get_weights(), randomised(kind).get_weights(), strict=True)
        assert any(not np.array_equal(old, new) for old, new in pairs)


@pytest.mark.parametrize("kind", ["composite", "subclassed"])
def test_copies_of_new_models_are_like_them(kind):
    new = standardized(randomised(kind))
    for copied in (copy_model(new), keras.models.model_from_json(new.to_json())):
        names = [
            [type(leaf.layer).__name__ for leaf in every_layer(model)] for model in (new, copied)
        ]
        assert names[0] == names[1]
