"""Which tests say the same whatever the backend."""

import keras
import pytest

once = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="the same on every backend"
)
