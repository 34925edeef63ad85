"""Files that earlier versions of kerasnorm wrote load, and compute what they did."""

import json
import pathlib
import re
import zipfile

import keras
import numpy as np
import pytest
from backends import once
from processes import run_in_a_new_process

import kerasnorm

FOLDER = pathlib.Path(__file__).parent / "golden" / "own"
FILES = sorted(path.stem for path in FOLDER.glob("*.keras"))

pytestmark = pytest.mark.usefixtures("without_tracing")


@pytest.mark.parametrize("name", FILES)
def test_yesterdays_file_computes_what_it_did(name):
    if name == "prepared" and keras.config.backend() == "torch":
        pytest.skip("torch's ranks are made by torch.distributed, outside of the model")
    model = keras.saving.load_model(FOLDER / f"{name}.keras")
    with np.load(FOLDER / f"{name}.npz") as golden:
        x = [golden["x"]] if "x" in golden else [golden["x0"], golden["x1"]]
        sequential = isinstance(model, keras.Sequential)
        x = x[0] if sequential else keras.tree.pack_sequence_as(model.input, x)
        y = keras.ops.convert_to_numpy(model(x))
        np.testing.assert_allclose(y, golden["y"], rtol=1e-5, atol=1e-5)
        assert len(model.trainable_weights) == golden["trainable"]
        assert model.compiled == ("logs" in golden)
        # Seesaw refuses a step that JAX compiles and that has no metric to keep its counts
        if model.compiled and (name, keras.config.backend()) != ("loss_seesaw", "jax"):
            logs = model.evaluate(x, golden["labels"], verbose=0, return_dict=True)
            for key, value in json.loads(str(golden["logs"])).items():
                assert float(logs[key]) == pytest.approx(value, rel=1e-5)


@pytest.mark.distributed
@once
def test_import_kerasnorm_registers_every_name_and_each_is_in_a_file():
    """In a new process, where nothing else was imported."""
    script = "import keras, kerasnorm; print(*keras.saving.get_custom_objects())"
    found = run_in_a_new_process(script).split()
    names = {name for name in found if name.startswith("kerasnorm>")}
    configs = []
    for name in FILES:
        with zipfile.ZipFile(FOLDER / f"{name}.keras") as file:
            configs.append(file.read("config.json").decode())
    written = {*re.findall(r'"(kerasnorm>\w+)"', "".join(configs))}
    # a base class of user's models, and the state of a loss
    assert names - written == {"kerasnorm>DistributedModel", "kerasnorm>SeesawCounter"}
    assert written <= names


@once
def test_yesterdays_recipe():
    recipe = kerasnorm.Recipe.from_json((FOLDER / "recipe.json").read_text())
    assert recipe.transfer_settings["decay"] == 0.7
    before, now = json.loads((FOLDER / "recipe.json").read_text()), json.loads(recipe.to_json())
    assert {name: now[name] for name in before} == before
