"""Models with a pretrained base at various depths, and images of three classes."""

import keras
import numpy as np
from keras import layers

SHAPE = (8, 8, 2)
register = keras.saving.register_keras_serializable(package="probing_models")


@register
class Own(keras.Model):
    """A model with a `call` of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(4, 3, name="conv")
        self.never = layers.Dense(3, name="never")
        self.never.build((None, 4))
        self.base = keras.Sequential([layers.Conv2D(5, 3, name="inner_conv")], name="base")
        self.head = layers.Dense(3, name="head")

    def call(self, inputs):
        return self.head(self.base(self.conv(inputs)))


def conv(name, filters=4, **kwargs):
    return layers.Conv2D(filters, 3, padding="same", activation="relu", name=name, **kwargs)


def sequential():
    stack = [conv("conv1"), layers.BatchNormalization(name="bn"), conv("conv2", 6, strides=2)]
    stack += [layers.Flatten(name="flat"), layers.Dropout(0.5, name="drop")]
    return keras.Sequential([keras.Input(SHAPE), *stack, layers.Dense(3, name="head")])


def nested():
    inputs = keras.Input(SHAPE)
    x = layers.MaxPooling2D(name="pool")(conv("deep_conv")(inputs))
    inner = keras.Model(inputs, layers.Add(name="add")([x, conv("side")(x)]), name="inner")
    inputs = keras.Input(SHAPE)
    x = conv("base_conv", 5)(inner(conv("lift", 2)(inputs), training=False))
    base = keras.Model(inputs, x, name="base")
    inputs = keras.Input(SHAPE)
    x = layers.Dense(3, name="head")(layers.GlobalAveragePooling2D(name="gap")(base(inputs)))
    return keras.Model(inputs, x, name="outer")


def sequence():
    stack = [
        layers.Reshape((16, 8), name="rows"),
        layers.LSTM(5, return_sequences=True, name="rnn"),
    ]
    stack += [layers.Bidirectional(layers.GRU(3), name="bi"), layers.Dense(3, name="head")]
    return keras.Sequential([keras.Input(SHAPE), *stack])


def shared():
    inputs, twice = keras.Input(SHAPE), conv("twice", 2)
    return keras.Model(inputs, layers.Flatten(name="flat")(twice(twice(inputs))))


def subclassed():
    model = Own()
    model(np.zeros((1, *SHAPE), "float32"))
    return model


MODELS = {
    "sequential": sequential,
    "nested": nested,
    "sequence": sequence,
    "shared": shared,
    "subclassed": subclassed,
}


def images(n=60, classes=3, seed=0):
    """Images whose class is the strength of a texture, and not a mean colour."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    strength = (1 + y)[:, None, None, None]
    return (strength * rng.normal(size=(n, *SHAPE)) * 0.5).astype("float32"), y
