"""Keras' own tests of its normalization layers, which ship in its wheel, run on our classes."""

import importlib
import types
import unittest

import keras
import pytest
from backends import once

from kerasnorm import normalization as kn

PACKAGE = "keras.src.layers.normalization"
CLASSES = {
    "group_normalization_test": kn.GroupNormalization,
    "layer_normalization_test": kn.LayerNormalization,
    "batch_normalization_test": kn.BatchNormalization,
    "spectral_normalization_test": kn.SpectralNormalization,
}

# What our layers do otherwise on purpose: Keras' module and test, how it is run here, and why.
#   "skip": not at all
#   "own message": the error is the same, its text is ours
#   "no such argument": without the parts that give the layer that argument
#   "without masks": without the mask
#   "masking of the layer": without the claim that no mask is supported
_ZEROS = "positions that a mask leaves out are 0 in our output, at inference too"
_WRAPS_LAYER = "the wrapper supports a mask where its layer does"
DIFFERENT = {
    "group_normalization_test": {
        "test_undefined_dim_error": ("own message", "it says where to give the size"),
        "test_groups_bigger_than_dim_error": ("own message", "it lists the divisors"),
        "test_groups_not_a_multiple_of_dim_error": ("own message", "Keras' is the wrong way round"),
        "test_groups_rejects_invalid_values": ("own message", "another wording"),
    },
    "layer_normalization_test": {
        "test_invalid_axis": ("skip", "wrong arguments are ValueErrors here, not TypeErrors"),
        "test_ln_basics": ("no such argument", "rms_scaling: Keras has RMSNormalization"),
        "test_output_with_rms_scaling": ("skip", "rms_scaling: Keras has RMSNormalization"),
    },
    "batch_normalization_test": {
        "test_correctness": ("without masks", _ZEROS),
        "test_masked_broadcast_normalization": ("skip", "a mask that does not fit is a ValueError"),
    },
    "spectral_normalization_test": {
        "test_basic_spectralnorm": ("masking of the layer", _WRAPS_LAYER),
        "test_spectralnorm_higher_dim": ("masking of the layer", _WRAPS_LAYER),
        "test_invalid_power_iterations": ("own message", "another wording"),
        "test_invalid_layer": ("skip", "refused when it is made, not when it is called"),
        "test_apply_layer": ("skip", "the kernel is normalized at inference too, as in training"),
    },
}


pytestmark = [
    # `test_conformance.py` has the arithmetic of each backend
    once,
    # Keras fits layers that have no weights
    pytest.mark.filterwarnings("ignore:The model does not have any trainable weights"),
    pytest.mark.filterwarnings("ignore:.shuffle=True. was passed"),  # by Keras' own tests
]


def own_tests(module_name):
    module = importlib.import_module(f"{PACKAGE}.{module_name}")
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    return [test for group in suite for test in group]


if importlib.util.find_spec(f"{PACKAGE}.group_normalization_test") is None:
    pytest.skip("this wheel of Keras has no tests", allow_module_level=True)
# three tests differ in the value alone that a mask hides
ALL = [
    (name, test)
    for name in CLASSES
    for test in own_tests(name)
    if not any(f"mask_value={value})" in test.id() for value in (0.0, 1))
]


def method_of(test):
    """Returns the name of the method, without the number that `parameterized` adds."""
    return test.id().split(".")[-1].split(" ")[0].rstrip("0123456789")


def adapt(test, how, layers):
    """Changes what the test's methods and `layers` do in one of the ways above."""
    run_layer_test = test.run_layer_test
    if how == "own message":
        test.assertRaisesRegex = lambda error, _: test.assertRaises(error)
    elif how == "no such argument":

        def run_known(layer_class, init_kwargs, **kwargs):
            if "rms_scaling" not in init_kwargs:
                run_layer_test(layer_class, init_kwargs, **kwargs)

        test.run_layer_test = run_known
    elif how == "masking of the layer":

        def run_unmasked(layer_class, init_kwargs, **kwargs):
            run_layer_test(layer_class, init_kwargs, **{**kwargs, "supports_masking": None})

        test.run_layer_test = run_unmasked
    elif how == "without masks":
        layers.Masking = lambda: lambda x: x


@pytest.mark.parametrize(
    ("module_name", "test"), ALL, ids=[test.id().removeprefix(f"{PACKAGE}.") for _, test in ALL]
)
def test_of_keras(module_name, test, monkeypatch):
    how, reason = DIFFERENT[module_name].get(method_of(test), ("as it is", ""))
    if how == "skip":
        pytest.skip(reason)
    module = importlib.import_module(f"{PACKAGE}.{module_name}")
    layers = types.SimpleNamespace(**vars(module.layers))
    setattr(layers, CLASSES[module_name].__name__, CLASSES[module_name])
    monkeypatch.setattr(module, "layers", layers)
    adapt(test, how, layers)
    test.debug()
    keras.config.enable_traceback_filtering()  # which Keras' tests turn off


def test_every_difference_is_of_a_test():
    assert DIFFERENT.keys() == CLASSES.keys()
    tests = {(name, method_of(test)) for name, test in ALL}
    assert {(name, method) for name in DIFFERENT for method in DIFFERENT[name]} <= tests


def test_synchronized_path_that_keras_never_runs(monkeypatch):
    """Its test chooses the path where `backend.backend`, a function, equals "tensorflow"."""
    name = "batch_normalization_test"
    module = importlib.import_module(f"{PACKAGE}.{name}")
    layers = types.SimpleNamespace(**vars(module.layers))
    layers.BatchNormalization = lambda **settings: kn.BatchNormalization(
        **{**settings, "synchronized": True}
    )
    monkeypatch.setattr(module, "layers", layers)
    tests = [test for test in own_tests(name) if method_of(test) == "test_input_fully_masked"]
    assert tests
    for test in tests:
        test.debug()
    keras.config.enable_traceback_filtering()
