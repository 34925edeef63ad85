"""Models of every kind that surgery enters; the reloading process imports them too."""

import keras
import numpy as np
from keras import layers
from transfer import freezing_models

from kerasnorm.normalization import ConvNormActivation, LayerNormLSTMCell

SHAPE = (8, 8, 4)
SEQUENCE = freezing_models.SHAPE
STEPS = (3, SEQUENCE[-1])  # fewer, for what costs as many times more
register = keras.saving.register_keras_serializable(package="surgery_models")


@register
class Held(layers.Layer):
    """Unnamed layers in an attribute, a list, a dict and a list in a dict."""

    def __init__(self, filters=4, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.first = layers.BatchNormalization()
        self.listed = [layers.Conv2D(filters, 3, padding="same"), layers.BatchNormalization()]
        self.named = {"norm": layers.LayerNormalization(), "more": [layers.BatchNormalization()]}

    def build(self, input_shape):
        shape = tuple(input_shape)
        self.first.build(shape)
        for layer in self.listed:
            layer.build(shape)
            shape = (*shape[:-1], self.filters)
        self.named["norm"].build(shape)
        self.named["more"][0].build(shape)

    def call(self, inputs, training=None):
        x = self.first(inputs, training=training)
        x = self.listed[1](self.listed[0](x), training=training)
        return self.named["more"][0](self.named["norm"](x), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@register
class NormCell(layers.SimpleRNNCell):
    """Somebody's recurrent cell with a layer normalization inside."""

    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.norm = layers.LayerNormalization(name="norm")

    def build(self, input_shape):
        super().build(input_shape)
        self.norm.build((None, self.units))

    def call(self, inputs, states, training=False):
        output, states = super().call(inputs, states, training=training)
        output = self.norm(output)
        return output, [output]


@register
class Network(keras.Model):
    """A subclassed model that holds a model, a custom layer and layers."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stem = layers.Conv2D(4, 3, padding="same")
        self.norm = layers.BatchNormalization()
        self.body = keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization()])
        self.held = Held()
        self.head = layers.Dense(3)

    def call(self, inputs, training=None):
        x = self.norm(self.stem(inputs), training=training)
        x = self.held(self.body(x, training=training), training=training)
        return self.head(x)


def block(x, prefix, **settings):
    x = layers.Conv2D(4, 3, padding="same", name=f"{prefix}_conv", **settings)(x)
    x = layers.BatchNormalization(name=f"{prefix}_bn", gamma_regularizer="l2")(x)
    return layers.ReLU(name=f"{prefix}_relu")(x)


def functional(name=None):
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, block(block(inputs, "a", use_bias=False), "b"), name=name)


def nested():
    inputs = keras.Input(SHAPE, name="image")
    middle = keras.Sequential([keras.Input(SHAPE), functional("inner")], name="middle")
    return keras.Model(inputs, layers.Dense(3, name="head")(middle(inputs)), name="outer")


def shared():
    inputs, twice, norm = keras.Input(SHAPE), functional("twice"), layers.BatchNormalization()
    x = layers.add([norm(twice(inputs)), norm(twice(twice(inputs)))])
    return keras.Model(inputs, x)


def several():
    first, second = keras.Input(SHAPE, name="first"), keras.Input(SHAPE, name="second")
    x = layers.concatenate([block(first, "a"), block(second, "b")])
    outputs = {"map": block(x, "c"), "sums": [keras.ops.sum(x, axis=(1, 2)), second * 2.0]}
    return keras.Model({"first": first, "second": second}, outputs)


def listed():
    first, second = keras.Input(SHAPE), keras.Input(SHAPE)
    return keras.Model([first, second], [block(first, "a"), block(second, "b")])


def wrapped():
    inputs = keras.Input((3, *SHAPE))
    x = layers.TimeDistributed(layers.BatchNormalization(name="bn"), name="each")(inputs)
    return keras.Model(inputs, layers.TimeDistributed(functional("step"), name="deep")(x))


def recurrent():
    inputs = keras.Input(STEPS)
    x = layers.Bidirectional(layers.RNN(NormCell(3), return_sequences=True), name="both")(inputs)
    x = layers.BatchNormalization(name="bn")(x)
    return keras.Model(inputs, layers.RNN(LayerNormLSTMCell(4, name="cell"), name="rnn")(x))


def preprocessed():
    scale = layers.Normalization(name="scale")
    scale.adapt(np.random.default_rng(3).normal(5, 3, (64, *SHAPE)))
    inputs = keras.Input(SHAPE)
    return keras.Model(inputs, block(scale(inputs), "a"))


def composite():
    inputs = keras.Input(SHAPE)
    x = ConvNormActivation(6, 3, name="cna")(inputs)
    return keras.Model(inputs, Held(6, name="held")(x))


def masked():
    inputs = keras.Input((None, SEQUENCE[-1]))
    x = layers.BatchNormalization(name="bn")(layers.Masking()(inputs))
    return keras.Model(inputs, layers.LSTM(3)(x))


def subclassed():
    model = Network()
    model(np.zeros((1, *SHAPE), "float32"))
    return model


def sequential():
    stack = [layers.Conv2D(6, 3), layers.BatchNormalization(), layers.ReLU(), layers.Dense(2)]
    return keras.Sequential([keras.Input(SHAPE), *stack])


MODELS = {
    "functional": functional,
    "sequential": sequential,
    "nested": nested,
    "shared": shared,
    "several": several,
    "listed": listed,
    "wrapped": wrapped,
    "recurrent": recurrent,
    "preprocessed": preprocessed,
    "composite": composite,
    "masked": masked,
    "subclassed": subclassed,
}


def randomised(kind):
    """A model whose weights, statistics and flags are no initial ones."""
    model, rng = MODELS[kind](), np.random.default_rng(1)
    for weight in model.weights:
        if "float" in weight.dtype and "scale/" not in weight.path:
            low, high = (0.5, 1.5) if weight.name in ("gamma", "moving_variance") else (-0.5, 0.5)
            weight.assign(rng.uniform(low, high, weight.shape))
    return model


def data(kind, count=2):
    """Inputs of a model of that kind."""
    rng = np.random.default_rng(2)

    def draw(*shape):
        return rng.normal(1, 2, (count, *shape)).astype("float32")

    if kind == "several":
        return {"first": draw(*SHAPE), "second": draw(*SHAPE)}
    if kind == "listed":
        return [draw(*SHAPE), draw(*SHAPE)]
    if kind == "wrapped":
        return draw(3, *SHAPE)
    if kind == "masked":
        x = draw(*SEQUENCE)
        x[:, 5:] = 0
        return x
    return draw(*(STEPS if kind == "recurrent" else SHAPE))


def outputs(model, kind):
    """The outputs at inference, as arrays."""
    found = keras.tree.flatten(model(data(kind), training=False))
    return [keras.ops.convert_to_numpy(part) for part in found]
