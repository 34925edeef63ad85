"""Small models of TensorFlow Addons and Keras 2, whose files `kerasnorm.migrate` reads.

`MODELS` is the table of how each is made; nothing here is random but the seeded initial weights.
"""

import sys
from pathlib import Path

import tensorflow as tf
import tensorflow_addons as tfa

sys.path.append(str(Path(__file__).parents[1] / "support"))
from migrate.own_layers import OWN, own  # noqa: F401

L = tf.keras.layers
A = tfa.layers


def group():
    """With what the file says of training: a loss and an optimizer that are gone."""
    model = tf.keras.Sequential(
        [
            L.Conv2D(8, 3, activation="relu", input_shape=(6, 6, 3), kernel_regularizer="l2"),
            A.GroupNormalization(groups=4, beta_regularizer=tf.keras.regularizers.L1(0.01)),
            L.ReLU(max_value=6.0),
            L.GlobalAveragePooling2D(),
            A.GroupNormalization(groups=2, axis=1, epsilon=0.01, center=False, name="last_group"),
            L.Dense(3, kernel_constraint=tf.keras.constraints.MaxNorm(2.0)),
        ],
        name="group_model",
    )
    optimizers = [
        (tfa.optimizers.AdamW(1e-4), model.layers[0]),
        (tf.keras.optimizers.Adam(1e-3), model.layers[1:]),
    ]
    model.compile(
        tfa.optimizers.MultiOptimizer(optimizers),
        tfa.losses.SigmoidFocalCrossEntropy(),
        [tfa.metrics.F1Score(3)],
    )
    return model


def instance():
    x = inputs = L.Input((6, 5, 4), name="image")
    x = A.InstanceNormalization(name="first")(x)
    x = L.Conv2D(6, 3, padding="same", use_bias=False)(x)
    x = A.InstanceNormalization(axis=3, epsilon=1e-5, scale=False, name="second")(x)
    x = L.LeakyReLU(alpha=0.1)(x)
    x = A.InstanceNormalization(axis=1, name="rows")(x)
    return tf.keras.Model(inputs, x, name="instance_model")


def response():
    x = inputs = L.Input((5, 5, 3))
    x = L.Conv2D(4, 3, padding="same")(x)
    x = A.FilterResponseNormalization()(x)
    x = A.TLU()(x)
    x = L.Conv2D(4, 3)(x)
    x = A.FilterResponseNormalization(learned_epsilon=True, epsilon=1e-4)(x)
    x = A.TLU(affine=True, alpha_initializer="ones")(x)
    x = L.Flatten()(x)
    x = A.TLU(name="flat_tlu")(L.Dense(4)(x))
    return tf.keras.Model(inputs, x)


def weight_norm():
    x = inputs = L.Input((6, 6, 2))
    x = A.WeightNormalization(L.Conv2D(5, 3, activation="relu"), data_init=True)(x)
    x = A.WeightNormalization(L.Conv2D(4, 2, strides=2, use_bias=False), data_init=False)(x)
    x = L.Flatten()(x)
    x = A.WeightNormalization(L.Dense(3, activation="tanh", name="inside"), data_init=False)(x)
    return tf.keras.Model(inputs, x)


def spectral():
    x = inputs = L.Input((6, 6, 2))
    x = A.SpectralNormalization(L.Conv2D(5, 3, activation="relu"), power_iterations=2)(x)
    x = A.SpectralNormalization(L.Conv2DTranspose(4, 2, strides=2))(x)
    x = L.GlobalMaxPooling2D()(x)
    x = A.SpectralNormalization(L.Dense(3, use_bias=False), name="critic")(x)
    return tf.keras.Model(inputs, x)


def spectral_embedding():
    x = inputs = L.Input((4,), dtype="int32")
    x = A.SpectralNormalization(L.Embedding(9, 5))(x)
    return tf.keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling1D()(x)))


def activations():
    """Side by side, so that none is fed what another has made 0."""
    inputs = L.Input((7,))
    functions = [getattr(tfa.activations, name) for name in _ADDED]
    branches = [
        L.Dense(6, activation=function, name=f"dense_{name}")(inputs)
        for name, function in zip(_ADDED, functions, strict=True)
    ]
    branches += [L.Dense(5, activation=name)(inputs) for name in ("hard_sigmoid", "gelu", "swish")]
    layers = [
        *(L.Activation(tfa.activations.mish), A.GELU(), A.GELU(approximate=False), A.Sparsemax()),
        *(L.ThresholdedReLU(theta=0.1), L.PReLU(), L.ELU(0.5), L.ReLU(1.5, 0.1, 0.2)),
    ]
    branches += [layer(L.Dense(4)(inputs)) for layer in layers]
    return tf.keras.Model(inputs, L.Concatenate()(branches))


_ADDED = ("gelu", "mish", "hardshrink", "softshrink", "tanhshrink", "sparsemax")


def separable_block(x, filters, name):
    x = L.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}/depthwise")(x)
    x = L.BatchNormalization(momentum=0.9, name=f"{name}/depthwise_bn")(x)
    x = L.ReLU(6.0, name=f"{name}/relu")(x)
    y = L.Conv2D(filters, 1, use_bias=False, name=f"{name}/project")(x)
    y = L.BatchNormalization(momentum=0.9, name=f"{name}/project_bn")(y)
    return L.Add(name=f"{name}/add")([x, y]) if x.shape[-1] == filters else y


def backbone():
    """MobileNet's way: a nested functional model with frozen parts under a nested head."""
    x = inputs = L.Input((8, 8, 3))
    x = L.Rescaling(1 / 127.5, offset=-1.0)(x)
    x = L.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="stem")(x)
    x = L.BatchNormalization(momentum=0.9, name="stem_bn")(x)
    x = separable_block(x, 6, "block1")
    x = separable_block(x, 6, "block2")
    base = tf.keras.Model(inputs, x, name="base")
    head = tf.keras.Sequential([L.GlobalAveragePooling2D(), L.Dense(4), L.BatchNormalization()])
    x = inputs = L.Input((8, 8, 3))
    model = tf.keras.Model(inputs, L.Dense(2, name="logits")(head(base(x))), name="classifier")
    for name in ("stem", "stem_bn", "block1/depthwise", "block1/project"):
        base.get_layer(name).trainable = False
    return model


def frozen_base():
    """A base that is frozen as a whole but for a layer, and called with training=False."""
    base = tf.keras.Sequential(
        [L.Conv2D(4, 3, input_shape=(6, 6, 2)), L.BatchNormalization(), L.Conv2D(4, 3)],
        name="base",
    )
    base.trainable = False
    base.layers[2].trainable = True
    x = inputs = L.Input((6, 6, 2))
    x = L.Flatten()(base(x, training=False))
    return tf.keras.Model(inputs, L.Dense(2)(x))


def shared():
    """Two inputs and a dict of outputs; a layer and a model are called twice."""
    left, right = L.Input((5,), name="left"), L.Input((5,), name="right")
    dense, norm = L.Dense(6, activation="tanh"), A.GroupNormalization(groups=2)
    x = tower_in = L.Input((6,), name="tower_in")
    tower = tf.keras.Model(tower_in, [L.Dense(4)(x), L.Dense(3)(x)], name="tower")
    a, b = norm(dense(left)), norm(dense(right))
    a4, a3 = tower(a)
    b4, b3 = tower(b)
    distance = L.Dot(axes=-1, normalize=True)([a4, b4])
    joined = L.Concatenate()([a3, b3, L.Subtract()([a4, b4])])
    outputs = {"distance": distance, "joined": L.Dense(2, name="joined")(joined)}
    return tf.keras.Model({"left": left, "right": right}, outputs, name="siamese")


def attention():
    query, value = L.Input((4, 6), name="query"), L.Input((5, 6), name="value")
    mask = L.Input((4, 5), dtype="bool", name="mask")
    first = L.MultiHeadAttention(2, 3, name="heads")
    x = first(query, value, attention_mask=mask)
    x = L.LayerNormalization()(L.Add()([x, query]))
    y, scores = L.MultiHeadAttention(2, 3, value_dim=4, use_bias=False)(
        query=x, value=value, key=value, return_attention_scores=True
    )
    y = L.LayerNormalization(axis=[1, 2], epsilon=1e-4)(y)
    y = L.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d")(y)
    return tf.keras.Model([query, value, mask], [y, scores])


def unet():
    x = inputs = L.Input((8, 8, 2))
    x = skip = L.SeparableConv2D(4, 3, padding="same", depth_multiplier=2)(x)
    x = L.MaxPooling2D()(x)
    x = A.GroupNormalization(2)(L.Conv2D(6, 3, padding="same")(x))
    x = L.Conv2DTranspose(4, 3, strides=2, padding="same")(x)
    x = L.Concatenate()([x, skip])
    x = L.UpSampling2D(interpolation="bilinear")(x)
    x = L.Cropping2D(1)(L.ZeroPadding2D()(x))
    x = L.Reshape((16, -1))(x)
    x = L.Conv1DTranspose(3, 2)(L.SeparableConv1D(4, 2)(x))
    return tf.keras.Model(inputs, L.DepthwiseConv1D(2)(x))


def recurrent():
    x = inputs = L.Input((6,), dtype="int32")
    x = L.Embedding(11, 5, mask_zero=True)(x)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    x = L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum")(x)
    x = L.TimeDistributed(L.Dense(4))(x)
    x = L.RNN(tfa.rnn.LayerNormLSTMCell(3), return_sequences=True)(x)
    x = L.GRU(3, reset_after=False, return_sequences=True, recurrent_activation="hard_sigmoid")(x)
    x = L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True)(x)
    return tf.keras.Model(inputs, L.SimpleRNN(2)(x))


def states():
    """States passed on from one recurrent layer to another, and a model in a wrapper."""
    images, words = L.Input((4, 6, 6, 2), name="images"), L.Input((3, 3), name="words")
    eye = tf.keras.Sequential(
        [L.Conv2D(4, 3, input_shape=(6, 6, 2)), A.GroupNormalization(2), L.GlobalMaxPooling2D()],
        name="eye",
    )
    _, h, c = L.LSTM(4, return_state=True)(L.TimeDistributed(eye)(images))
    y, _, _ = L.LSTM(4, return_state=True, return_sequences=True)(words, initial_state=[h, c])
    y, state = L.GRU(3, return_state=True)(L.SpatialDropout1D(0.0)(y))
    return tf.keras.Model([images, words], [y, state])


def mixed():
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        x = inputs = L.Input((6, 6, 3))
        x = L.Conv2D(4, 3)(x)
        x = L.BatchNormalization()(A.GroupNormalization(2)(x))
        x = L.Flatten()(x)
        return tf.keras.Model(inputs, L.Dense(2, dtype="float32")(x))
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


def volume(data_format="channels_first"):
    shape = (2, 4, 4, 4) if data_format == "channels_first" else (4, 4, 4, 2)
    x = inputs = L.Input(shape)
    x = L.Conv3D(4, 3, data_format=data_format, name="volume")(x)
    axis = 1 if data_format == "channels_first" else -1
    x = A.GroupNormalization(groups=2, axis=axis)(x)
    x = L.GlobalAveragePooling3D(data_format=data_format)(x)
    return tf.keras.Model(inputs, L.Dense(2)(x))


def volume_last():
    return volume("channels_last")


def operations():
    """TensorFlow's operations between layers, those that are loaded."""
    x = inputs = L.Input((4, 4, 3))
    z = L.Conv2D(3, 1, name="conv")(x)
    y = 1.0 - 2.0 * (z + 1.0) / 3.0
    y = -y * z + y**2 + tf.square(z)
    y = tf.concat([y - 0.5, tf.nn.relu(z), tf.nn.relu6(4.0 * z)], axis=-1)
    y = tf.image.resize(y * tf.constant([1.0, 2.0, 0.5] * 3), (7, 6))
    y = tf.cast(tf.reduce_mean(y, axis=[1, 2], keepdims=True), "float32")
    y = tf.expand_dims(tf.reshape(y, (-1, 9)), -1) * 3.0
    return tf.keras.Model(inputs, L.Dense(2)(L.Flatten()(y / (1.0 + tf.square(y)))))


def cudnn(lstm=None, gru=None):
    """Layers that run on a GPU alone; `cudnn_twin` has what they become."""
    v1 = tf.compat.v1.keras.layers
    lstm, gru = lstm or v1.CuDNNLSTM, gru or v1.CuDNNGRU
    x = inputs = L.Input((5, 3))
    x = L.Bidirectional(gru(4, return_sequences=True, name="gru"), name="both")(x)
    x = gru(3, return_sequences=True, name="one")(x)
    return tf.keras.Model(inputs, lstm(4, name="last")(x))


def cudnn_twin():
    return cudnn(L.LSTM, L.GRU)


MODELS = {
    make.__name__: make
    for make in (
        *(group, instance, response, weight_norm, spectral, spectral_embedding, activations),
        *(backbone, frozen_base, shared, attention, unet, recurrent, states, mixed, volume),
        *(cudnn, operations, own),
    )
}


# What is refused by the name of a layer.


def operation():
    x = inputs = L.Input((4,))
    return tf.keras.Model(inputs, L.Dense(2)(tf.math.tanh(x) + x))


def anonymous():
    x = inputs = L.Input((4,))
    return tf.keras.Model(inputs, L.Lambda(lambda x: x * 2.0 + 1.0, name="twice")(x))


def conditional_field():
    x = inputs = L.Input((5, 4))
    return tf.keras.Model(inputs, A.CRF(3, name="field")(x)[1])


@tf.keras.utils.register_keras_serializable(package="Mine")
class Scale(L.Layer):
    def build(self, shape):
        self.factor = self.add_weight("factor", (shape[-1],), initializer="ones")

    def call(self, x):
        return x * self.factor


def custom():
    return tf.keras.Sequential([L.Dense(3, input_shape=(4,)), Scale(name="mine")])


def instance_of_rows():
    return tf.keras.Sequential(
        [A.InstanceNormalization(axis=-2, name="rows", input_shape=(4, 4, 4)), L.Dense(2)]
    )


def maxout():
    return tf.keras.Sequential([L.Dense(6, input_shape=(4,)), A.Maxout(3, name="most")])


def snake():
    return tf.keras.Sequential(
        [L.Dense(6, activation=tfa.activations.snake, name="wavy", input_shape=(4,))]
    )


REFUSED = {
    "operation": (operation, "tf.math.tanh"),
    "anonymous": (anonymous, "twice"),
    "conditional_field": (conditional_field, "field"),
    "custom": (custom, "mine"),
    "instance_of_rows": (instance_of_rows, "rows"),
    "maxout": (maxout, "most"),
    "snake": (snake, "wavy"),
}
