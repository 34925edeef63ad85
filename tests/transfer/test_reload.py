"""What is frozen is frozen in a new process that only imports kerasnorm and the user's classes."""

import json

import pytest
from processes import SUPPORT, run_in_a_new_process
from transfer.freezing_models import BELOW_HEAD, MODELS, should_move

from kerasnorm.surgery import freeze_statistics
from kerasnorm.transfer import freeze, trainable_table

MODES = ("inference", "train", "affine_only", "statistics")

CHILD = f"""
import json, pathlib, sys
sys.path.insert(0, {str(SUPPORT)!r})
import keras
from transfer import freezing_models
from kerasnorm.transfer import trainable_table
found = {{}}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    model = keras.models.load_model(path)
    rows = trainable_table(model).rows
    moved = freezing_models.what_moves(model)
    model.save(path)
    again = trainable_table(keras.models.load_model(path)).rows
    found[path.stem] = {{"rows": rows, "moved": moved, "again": again}}
print("FOUND" + json.dumps(found))
"""


def prepared(kind, mode):
    model = MODELS[kind]()
    if mode == "statistics":
        freeze_statistics(model)
    else:
        freeze(model, BELOW_HEAD, mode)
    return model


@pytest.fixture(scope="module")
def reloaded(tmp_path_factory):
    """Returns the models and what a process that read their files found, by kind and mode."""
    folder = tmp_path_factory.mktemp("frozen")
    models = {(kind, mode): prepared(kind, mode) for kind in MODELS for mode in MODES}
    for (kind, mode), model in models.items():
        model.save(folder / f"{kind}-{mode}.keras")
    found = json.loads(run_in_a_new_process(CHILD, folder).rpartition("FOUND")[2])
    return {key: (model, found["-".join(key)]) for key, model in models.items()}


def facts(rows):
    return [(row["layer_class"], row["trainable"], row["statistics"]) for row in rows]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", MODELS)
def test_a_file_keeps_what_is_frozen(reloaded, kind, mode):
    model, found = reloaded[kind, mode]
    assert facts(found["rows"]) == facts(trainable_table(model).rows)
    assert facts(found["again"]) == facts(found["rows"])
    if mode == "statistics":
        still = ("moving_mean", "moving_variance")
        moved = [w.name for w, moved in zip(model.weights, found["moved"], strict=True) if moved]
        assert moved and not set(moved) & set(still)
    else:
        assert found["moved"] == should_move(model, mode)
