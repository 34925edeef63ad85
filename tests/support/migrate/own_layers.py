"""Classes and functions of a user, the same in Keras 2 and Keras 3: golden models are made of them.

`tests/addons` writes files of them with Keras 2; the main tests give them to `load_tfa_model`.
"""

import keras
from keras import layers


def bent(x):
    """An activation that neither Keras has."""
    return x + 0.1 * x * x


class Small(keras.initializers.Initializer):
    def __init__(self, value=0.3):
        self.value = value

    def __call__(self, shape, dtype=None, **kwargs):
        return keras.initializers.Constant(self.value)(shape, dtype)

    def get_config(self):
        return {"value": self.value}


class Scale(layers.Layer):
    """With weights of its own, of one shape: two in a list, one that is called another name."""

    def build(self, shape):
        size = (shape[-1],)
        self.factors = [
            self.add_weight(name=f"factor_{k}", shape=size, initializer="ones") for k in "ab"
        ]
        self.moved = self.add_weight(name="shift", shape=size, initializer="zeros")
        self.rest = self.add_weight(name="rest", shape=size, initializer="ones", trainable=False)
        super().build(shape)

    def call(self, x):
        return x * self.factors[0] + x * x * self.factors[1] + self.moved + self.rest


class Block(layers.Layer):
    """With layers inside: of its own, in a list and a dict, and one that it is given."""

    def __init__(self, inner, activation="linear", **kwargs):
        super().__init__(**kwargs)
        self.inner = inner
        self.activation = keras.activations.get(activation)
        self.first = layers.Dense(4, use_bias=False)
        self.norm = layers.BatchNormalization()
        self.more = [layers.Dense(4), layers.Dropout(0.0), layers.Dense(4)]
        self.sides = {"left": layers.Dense(4), "right": layers.Dense(4, use_bias=False)}

    def call(self, x, training=None):
        y = self.activation(self.norm(self.first(x), training=training))
        for layer in self.more:
            y = y + layer(y)
        return self.inner(y + self.sides["right"](self.sides["left"](y)))

    def get_config(self):
        inner = keras.layers.serialize(self.inner)
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "inner": inner, "activation": activation}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "inner": keras.layers.deserialize(config["inner"])})


class Twice(layers.Wrapper):
    def call(self, x):
        return self.layer(self.layer(x))


OWN = {each.__name__: each for each in (bent, Small, Scale, Block, Twice)}


def own():
    x = inputs = keras.Input((4,))
    x = layers.Dense(4, activation=bent, kernel_initializer=Small(0.2))(x)
    x = Block(layers.Dense(4, activation="relu", name="given"), activation=bent)(x)
    x = Twice(layers.Dense(4, activation="tanh"))(x)
    x = Scale(name="scale")(x)
    return keras.Model(inputs, layers.Dense(2)(x))
