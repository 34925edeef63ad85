"""What "auto" means for `jit_compile`."""

import keras
import numpy as np
import pytest
from backends import once

from kerasnorm.backend.engine import resolve_jit
from kerasnorm.recipe import Recipe, fit
from kerasnorm.transfer import fine_tune

X, Y = np.random.default_rng(0).normal(size=(12, 4)).astype("float32"), np.arange(12) % 2


def model():
    layers = [keras.layers.Dense(3, "relu"), keras.layers.Dense(2)]
    return keras.Sequential([keras.Input((4,)), *layers])


@pytest.mark.parametrize("asked", [True, False])
def test_what_is_asked_for_stays(asked):
    assert resolve_jit(asked) is asked


@once
def test_auto_on_a_cpu_is_a_graph_without_xla():
    import tensorflow as tf

    if tf.config.list_logical_devices("GPU"):
        pytest.skip("there is a GPU")
    assert resolve_jit("auto") is False
    tuned = fine_tune(model(), (X, Y), strategy="freeze", verbose=0).model
    run = fit(Recipe(transfer="freeze"), model(), (X, Y), verbose=0)
    corrected = fit(
        Recipe(None, None, correction="adjust_logits"), model(), (X, Y), None, 1, verbose=0
    )
    assert not tuned.jit_compile and not run.model.jit_compile and not corrected.model.jit_compile
    asked = fit(Recipe(None, None), model(), (X, Y), None, 1, verbose=0, jit_compile=True).model
    assert asked.jit_compile
