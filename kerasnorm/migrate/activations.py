"""Activations of Keras 2 and TensorFlow Addons that Keras 3 computes otherwise."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasnorm")
def gelu_tanh(x):
    """Returns TensorFlow Addons' GELU, 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))).

    >>> round(float(gelu_tanh(keras.ops.ones(()))), 4)
    0.8412
    """
    return keras.activations.gelu(x, approximate=True)


@keras.saving.register_keras_serializable(package="kerasnorm")
def hard_sigmoid_of_keras_2(x):
    """Returns 0.2·x + 0.5 between 0 and 1; the slope of Keras 3's is 1/6.

    >>> round(float(hard_sigmoid_of_keras_2(keras.ops.ones(()))), 4)
    0.7
    """
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)
