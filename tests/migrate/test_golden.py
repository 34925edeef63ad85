"""Golden models of real TensorFlow Addons: outputs, files, steps of SGD."""

import hashlib

import keras
import numpy as np
import pytest
from backends import once
from migrate.old_files import GOLDEN, MODEL_FILES, NAMES, Golden, difference, run, train
from migrate.own_layers import OWN

from kerasnorm.migrate import load_tfa_model

LIMITS = {"mixed": 5e-3, "spectral": 1e-5, "spectral_embedding": 1e-5}  # the first: not promised
STEPS = {*NAMES} - {"cudnn", "mixed", "volume"}  # not promised to follow, and not trained here
if keras.config.backend() != "tensorflow":  # where each is compiled: one of each way to train
    STEPS = {"group", "response", "spectral", "weight_norm"}
# how models are put together, which no backend sees; the others hold the layers
ARRANGED = {"anonymous", "backbone", "custom", "frozen_base", "operation", "shared", "states"}
ARRANGED |= {"conditional_field", "cudnn", "instance_of_rows", "own", "unet"}
pytestmark = [
    pytest.mark.filterwarnings("ignore:The model is loaded uncompiled"),
    pytest.mark.filterwarnings(r"ignore:.build\(\). was called on layer"),  # a user's own has none
    pytest.mark.usefixtures("without_tracing"),
]


@pytest.fixture
def load(old):
    """Returns a function from a file's name to what was computed of it and the model."""

    def both(file):
        path = old(file)
        return Golden(path.parent, file.partition(".")[0]), load_tfa_model(path, custom_objects=OWN)

    return both


@once
@pytest.mark.parametrize("name", NAMES)
def test_files_are_those_that_were_computed(name, old):
    folder = old(name).parent
    for file, expected in Golden(folder, name).hashes.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == expected


@once
def test_golden_files_are_small():
    assert sum(path.stat().st_size for path in GOLDEN.parent.rglob("*.*")) < 2_000_000


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=once if name in ARRANGED else ()) for name in NAMES]
)
def test_outputs_and_files(name, load, tmp_path):
    """Our own file of it, too: that it computes the same, the steps from it show."""
    golden, model = load(f"{name}.h5")
    if name != "volume":  # TensorFlow's CPU has no such convolution: test_volume
        assert difference(run(model, golden.x), golden.y) < LIMITS.get(name, 5e-6)
    model.save(tmp_path / "new.keras")
    again = keras.saving.load_model(tmp_path / "new.keras", custom_objects=OWN)
    for old, new in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(*map(keras.ops.convert_to_numpy, (old, new)))
    if name == "mixed":
        assert difference(run(model, golden.x), run(again, golden.x)) == 0
    elif name in STEPS:
        # a rate at which losses go up and down, so that rounding grows from step to step
        np.testing.assert_allclose(train(again, golden), golden.losses, rtol=3e-5, atol=1e-6)
        assert difference(run(again, golden.x), golden.z) < 1e-5


@once
@pytest.mark.parametrize("file", [file for file in MODEL_FILES if not file.endswith(".h5")])
def test_other_formats(file, load):
    golden, model = load(file)
    name = file.partition(".")[0]
    if name != "volume":
        assert difference(run(model, golden.x), golden.y) < LIMITS.get(name, 5e-6)
