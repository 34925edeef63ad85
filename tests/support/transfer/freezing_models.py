"""Models of every kind, with a head named "head" on top; the reloading process imports them too."""

import re

import keras
import numpy as np
from keras import layers

from kerasnorm.normalization import BatchNormalization, ConvNormActivation

SHAPE = (8, 6)
BELOW_HEAD = re.compile("^(?!head$)")
register = keras.saving.register_keras_serializable(package="freezing_models")


@register
class Block(layers.Layer):
    """Layers in attributes, a list and a dict; no `build`, so Keras builds them late on loading."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(2, 3, name="attention")
        self.parts = [layers.BatchNormalization(name="bn"), layers.LayerNormalization(name="ln")]
        self.named = {"dense": layers.Dense(6, name="dense")}

    def call(self, inputs, training=None):
        x = self.parts[0](self.attention(inputs, inputs), training=training)
        return self.parts[1](self.named["dense"](x))


@register
class Scaled(layers.Layer):
    """A layer with a weight of its own beside its sub-layer's."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(6, name="dense")

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(6,), initializer="ones", name="scale")
        self.dense.build(input_shape)

    def call(self, inputs):
        return self.dense(inputs) * self.scale


@register
class Foreign(layers.Layer):
    """Somebody's normalization: never looks at `trainable`, nor writes it into its config."""

    def build(self, input_shape):
        for name, trainable in (
            ("gamma", True),
            ("moving_mean", False),
            ("moving_variance", False),
        ):
            weight = self.add_weight(
                shape=input_shape[-1:], initializer="ones", trainable=trainable, name=name
            )
            setattr(self, name, weight)

    def call(self, inputs, training=None):
        if training:
            self.moving_mean.assign(0.9 * self.moving_mean + 0.2)
            self.moving_variance.assign(0.9 * self.moving_variance + 0.2)
        return inputs * self.gamma - self.moving_mean / self.moving_variance

    def get_config(self):
        return {"name": self.name}


@register
class OwnBatchNorm(layers.BatchNormalization):
    """A user's subclass of Keras' layer."""


@register
class Subclassed(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.block = Block(name="block")
        self.base = keras.Sequential(body("inner"), name="base")
        self.head = layers.Dense(2, name="head")

    def call(self, inputs, training=None):
        x = self.base(self.block(inputs, training=training), training=training)
        return self.head(x)


def body(prefix):
    return [
        layers.Conv1D(6, 3, padding="same", name=f"{prefix}_conv1"),
        layers.BatchNormalization(name=f"{prefix}_bn1"),
        layers.ReLU(name=f"{prefix}_relu1"),
        layers.Conv1D(6, 3, padding="same", name=f"{prefix}_conv2"),
        BatchNormalization(name=f"{prefix}_bn2"),
    ]


def chain(*stack, name=None):
    """A functional model of a stack of layers."""
    inputs = keras.Input(SHAPE)
    x = inputs
    for layer in stack:
        x = layer(x)
    return keras.Model(inputs, x, name=name)


def head():
    return layers.Dense(2, name="head")


def shared():
    layer, inputs = chain(*body("twice"), name="twice"), keras.Input(SHAPE)
    return keras.Model(inputs, head()(layers.add([layer(inputs), layer(layer(inputs))])))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, *SHAPE), "float32"))
    return model


def wrapped():
    return chain(
        layers.TimeDistributed(keras.Sequential([layers.Dense(6), OwnBatchNorm()]), name="td"),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="bi"),
        layers.SpectralNormalization(layers.Dense(6), name="spectral"),
        head(),
    )


MODELS = {
    "functional": lambda: chain(*body("block1"), *body("block2"), head()),
    "sequential": lambda: keras.Sequential([keras.Input(SHAPE), *body("block1"), head()]),
    "nested": lambda: chain(chain(chain(*body("a"), name="inner"), name="base"), head()),
    "custom": lambda: chain(Block(name="block"), Scaled(name="scaled"), Foreign(), head()),
    "composite": lambda: chain(ConvNormActivation(6, 3, name="cna"), head()),
    "wrapped": wrapped,
    "shared": shared,
    "subclassed": subclassed,
}


MODES = ("inference", "train", "affine_only")
# The modes that a model of each kind is in right after freezing, and when it comes from a file.
AT_ONCE, RELOADED = (
    {kind: MODES[(index + shift) % 3] for index, kind in enumerate(MODELS)} for shift in (0, 1)
)


def what_moves(model):
    """Fits, and returns for each weight of the model whether any of its bits changed."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(3, 2, (8, *SHAPE)).astype("float32"), rng.normal(size=(8, 8, 2))
    before = [weight.copy() for weight in model.get_weights()]
    # one step does not pay for a trace, which sees the same flags
    eagerly = keras.config.backend() == "tensorflow"
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=eagerly)
    model.fit(x, y.astype("float32"), batch_size=8, epochs=1, verbose=0)
    after = model.get_weights()
    return [old.tobytes() != new.tobytes() for old, new in zip(before, after, strict=True)]


def should_move(model, batchnorm):
    """Returns the same for a model frozen up to its head, from the names of the weights alone."""
    normalized = {w.path.rpartition("/")[0] for w in model.weights if w.name == "moving_mean"}
    expected = []
    for weight in model.weights:
        parent = weight.path.rpartition("/")[0]
        if parent.rpartition("/")[2] == "head":
            expected.append(True)
        elif weight.name.startswith("moving_"):
            expected.append(batchnorm == "train")
        else:
            expected.append(batchnorm == "affine_only" and parent in normalized)
    return expected
