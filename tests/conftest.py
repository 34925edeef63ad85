import os

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Several devices in one process, for the tests that train on replicas.
os.environ["XLA_FLAGS"] = (
    f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=4".strip()
)


def pytest_configure(config):
    """Sets up the backend where tests run; what hands them out to `-n` others needs no Keras."""
    if getattr(config.option, "numprocesses", None):
        return
    import keras

    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        devices = [tf.config.LogicalDeviceConfiguration()] * 4
        tf.config.set_logical_device_configuration(cpu, devices)
    elif keras.config.backend() == "torch":
        import torch

        # warnings are errors: not only for the first test that meets one
        torch.set_warn_always(True)


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Every test starts with the same seeds, global policy and layer names."""
    import keras

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
    import keras

    if keras.config.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
