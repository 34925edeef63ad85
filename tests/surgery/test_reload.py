"""Files of new models give the same outputs in a new process that only imports kerasnorm."""

import json
import warnings

import keras
import numpy as np
import pytest
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
    numpy.savez(folder / f"{{path.stem}}-whole.npz", *surgery_models.outputs(model, kind))
    for weight in model.weights:
        weight.assign(numpy.zeros(weight.shape, weight.dtype))
    model.load_weights(folder / f"{{path.stem}}.weights.h5")
    numpy.savez(folder / f"{{path.stem}}-weights.npz", *surgery_models.outputs(model, kind))
    layers = [leaf.layer for leaf in every_layer(model) if leaf.layer.weights]
    found[path.stem] = [(type(layer).__name__, layer.trainable) for layer in layers]
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
    *(("subclassed", way) for way in WAYS),
    *(("composite", way) for way in ("standardized", "part", "sync")),
    *(("recurrent", way) for way in ("standardized", "part", "folded")),
    *((kind, way) for kind in ("nested", "shared", "wrapped") for way in ("standardized", "part")),
    *((kind, "standardized") for kind in ("several", "preprocessed")),
    *((kind, "part") for kind in ("sequential", "listed", "masked")),
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
    assert rows[name] == facts(models[name])
    expected = outputs(models[name], kind)
    for source in ("whole", "weights"):
        with np.load(folder / f"{name}-{source}.npz") as arrays:
            found = [arrays[key] for key in arrays.files]
        for mine, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_something_is_there_to_lose():
    """The files above would say nothing if new models computed what initial ones compute."""
    for kind in MODELS:
        first, second = (outputs(model, kind) for model in (MODELS[kind](), randomised(kind)))
        assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("kind", ["composite", "subclassed"])
def test_copies_of_new_models_are_like_them(kind):
    new = standardized(randomised(kind))
    for copied in (copy_model(new), keras.models.model_from_json(new.to_json())):
        names = [
            [type(leaf.layer).__name__ for leaf in every_layer(model)] for model in (new, copied)
        ]
        assert names[0] == names[1]
