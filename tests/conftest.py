import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Several devices in one process, for the tests that train on replicas.
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4".strip()
)

import keras
import numpy as np
import pytest

if keras.config.backend() == "tensorflow":
    import tensorflow as tf

    _cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(_cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
elif keras.config.backend() == "torch":
    import torch

    torch.set_warn_always(True)  # warnings are errors: not only for the first test that meets one


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Every test starts with the same seeds, global policy and layer names."""
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")
    keras.utils.clear_session(free_memory=False)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def without_tracing():
    """Runs what TensorFlow would trace eagerly, for tests of few steps."""
    if keras.config.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
