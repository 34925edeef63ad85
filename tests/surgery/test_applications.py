"""All of keras.applications: minutes each, so only with -m slow."""

import importlib.util
import pathlib

import keras
import pytest

ROOT = pathlib.Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("applications", ROOT / "benchmarks/applications.py")
applications = importlib.util.module_from_spec(spec)
spec.loader.exec_module(applications)

# the layers of these that a batch normalization can be folded into, as their papers draw them
FOLDED = {
    "ResNet50": "53/53",
    "MobileNetV2": "52/52",
    "EfficientNetB0": "49/49",
    "DenseNet121": "59/121",  # the others come before their convolutions
    "ConvNeXtTiny": "0/0",
    "NASNetMobile": "188/192",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", applications.names())
def test_surgery(name):
    row = applications.examine(name)
    keras.utils.clear_session()
    assert row.kept and row.synchronous and row.reload == 0
    assert row.fold_error <= max(1e-4, 4 * row.sensitivity)
    assert row.refused == 0 and (row.replaced > 0 or name.startswith("VGG"))
    assert row.folded == FOLDED.get(name, row.folded)
