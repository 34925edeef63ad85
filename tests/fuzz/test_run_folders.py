"""Damaged folders of runs: a run, or one error that names the file; never code that is run."""

import json
import shutil

import keras
import pytest
from backends import once
from fuzz.mutations import changed_bytes, changed_value, dice_for, refusal
from recipe.recipe_models import perceptron, points

from kerasnorm.recipe import Recipe, Run, fit

pytestmark = [once, pytest.mark.usefixtures("without_tracing")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    recipe = Recipe(correction="adjust_logits")
    fit(recipe, perceptron(3), points(), points(seed=1), 1, folder, 0, seed=0, jit_compile=False)
    return folder


def test_damaged_runs(folder, tmp_path):
    """A file is changed byte by byte, or value by value, or is not there."""
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    copy, refused = shutil.copytree(folder, tmp_path / "run"), []
    for dice in dice_for(40):
        path = copy / dice.choice(sorted(whole))
        if dice.random() < 0.1:
            path.unlink()
        elif path.suffix == ".json" and dice.random() < 0.6:
            path.write_text(json.dumps(changed_value(json.loads(whole[path.name]), dice)))
        else:
            path.write_bytes(changed_bytes(whole[path.name], dice))
        refused.append(refusal(Run.load, copy, says=path.name))
        path.write_bytes(whole[path.name])
    assert any(refused) and not all(refused)


def test_a_run_runs_no_code(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "run")
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: x), keras.layers.Dense(3)]
    keras.Sequential(layers).save(copy / "model.keras")
    with pytest.raises(ValueError, match=r"model\.keras.*Lambda|Lambda.*model\.keras"):
        Run.load(copy)
