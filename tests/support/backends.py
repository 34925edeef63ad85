"""Which of the backends a test is run on."""

import keras
import pytest

once = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="the same on every backend"
)
