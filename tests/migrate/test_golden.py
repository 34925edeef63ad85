"""Golden models of real TensorFlow Addons: outputs, files, steps of SGD."""

import hashlib

import keras
import numpy as np
import pytest
from migrate.old_files import GOLDEN, MODEL_FILES, NAMES, Golden, difference, run, train, unpack
from processes import SUPPORT, run_in_a_new_process

from kerasnorm.migrate import load_tfa_model

LIMITS = {"mixed": 5e-3, "spectral": 1e-5, "spectral_embedding": 1e-5}  # the first: not promised
UNTRAINED = ("mixed", "volume")
every_file = pytest.mark.parametrize("file", MODEL_FILES)
pytestmark = [
    pytest.mark.filterwarnings("ignore:The model is loaded uncompiled"),
    pytest.mark.usefixtures("without_tracing"),
]


@pytest.fixture
def load(old):
    """Returns a function from a file's name to what was computed of it and the model."""

    def both(file):
        path = old(file)
        return Golden(path.parent, file.partition(".")[0]), load_tfa_model(path)

    return both


@pytest.mark.parametrize("name", NAMES)
def test_files_are_those_that_were_computed(name, old):
    folder = old(name).parent
    for file, expected in Golden(folder, name).hashes.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == expected


def test_golden_files_are_small():
    assert sum(path.stat().st_size for path in GOLDEN.parent.rglob("*.*")) < 2_000_000


@every_file
def test_outputs(file, load):
    golden, model = load(file)
    if file.startswith("volume"):
        return  # TensorFlow's CPU has no such convolution: test_volume
    limit = LIMITS.get(file.partition(".")[0], 5e-6)
    assert difference(run(model, golden.x), golden.y) < limit


@pytest.mark.parametrize("name", NAMES)
def test_our_own_files(name, load, tmp_path):
    """One a model: in whichever format it came, the same layers are made of it."""
    golden, model = load(f"{name}.h5")
    model.save(tmp_path / "new.keras")
    again = keras.saving.load_model(tmp_path / "new.keras")
    for old, new in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(old), keras.ops.convert_to_numpy(new)
        )
    if name != "volume":
        assert difference(run(model, golden.x), run(again, golden.x)) == 0


@pytest.mark.parametrize("file", [file for file in MODEL_FILES if file.endswith(".h5")])
def test_five_steps_of_sgd(file, load):
    if file.partition(".")[0] in UNTRAINED:
        pytest.skip("It cannot be trained here, or is not promised to follow.")
    golden, model = load(file)
    # a rate at which losses go up and down, so that rounding grows from step to step
    np.testing.assert_allclose(train(model, golden), golden.losses, rtol=3e-5, atol=1e-6)
    assert difference(run(model, golden.x), golden.z) < 1e-5


CHILD = f"""
import pathlib, sys
sys.path.insert(0, {str(SUPPORT)!r})
import keras, numpy as np
import kerasnorm
from migrate.old_files import Golden, run
folder = pathlib.Path(sys.argv[1])
for path in folder.glob("*.keras"):
    model = keras.saving.load_model(path)
    np.savez(folder / f"again_{{path.stem}}.npz", *run(model, Golden(folder, path.stem).x))
"""


def test_files_load_in_a_new_process(tmp_path):
    """Only `import kerasnorm` is known there; the layers of the others are among these."""
    expected = {}
    for name in ("activations", "recurrent", "response", "spectral_embedding", "weight_norm"):
        unpack(name, tmp_path)
        model = load_tfa_model(tmp_path / f"{name}.h5")
        model.save(tmp_path / f"{name}.keras")
        expected[name] = run(model, Golden(tmp_path, name).x)
    run_in_a_new_process(CHILD, tmp_path)
    for name, y in expected.items():
        with np.load(tmp_path / f"again_{name}.npz") as file:
            assert difference(y, [file[key] for key in file.files]) == 0, name
