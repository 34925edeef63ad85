"""A table of layers and models in one network, which `test_deployment.py` sends out of Keras."""

import keras
import numpy as np
from keras import ops

from kerasnorm import normalization as kn
from kerasnorm import surgery

SHAPE = (8, 6, 8)
CHANNELS = SHAPE[-1]
layers = keras.layers


def images(count=2, mean=1.0):
    random = np.random.default_rng(5)
    return (random.normal(size=(count, *SHAPE)) * 2 + mean).astype("float32")


def _steps(x):
    return x[:, :5, 0]


def _tokens(x):
    return ops.cast(ops.sign(x[:, :5, 0, 0]) + 1, "int32")


def _style(x):
    return layers.AveragePooling2D(2)(x)


def _mixture(x):
    return layers.Dense(3, "softmax")(x[:, 0, 0])


def _frozen(x):
    model = keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(8, 3), kn.BatchNormalization(), kn.GroupNormalization(4)]
    )
    surgery.freeze_statistics(model)
    return model(x)


def _folded(x):
    model = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(8, 3), kn.BatchNormalization()])
    return surgery.fold_batchnorm(model)(x)


def _cells(unroll):
    return {
        f"{cell.__name__}, {'unrolled' if unroll else 'looped'}": lambda x, cell=cell: layers.RNN(
            cell(4), unroll=unroll, return_sequences=True
        )(_steps(x))
        for cell in (kn.LayerNormLSTMCell, kn.LayerNormGRUCell)
    }


def _wrapped():
    for wrapper in (kn.WeightStandardization, kn.WeightNormalization, kn.SpectralNormalization):
        for make in (
            lambda: layers.Dense(4),
            lambda: layers.Conv2D(4, 3),
            lambda: layers.Conv2DTranspose(4, 3),
            lambda: layers.DepthwiseConv2D(3),
            lambda: layers.SeparableConv2D(4, 3),
        ):
            name = f"{wrapper.__name__} of {type(make()).__name__}"
            yield name, lambda x, wrapper=wrapper, make=make: wrapper(make())(x)
        if wrapper is kn.WeightStandardization:
            continue
        name = wrapper.__name__
        yield (
            f"{name} of Embedding",
            lambda x, wrapper=wrapper: wrapper(layers.Embedding(9, 4))(_tokens(x)),
        )
        yield (
            f"{name} of LSTM, unrolled",
            lambda x, wrapper=wrapper: wrapper(layers.LSTM(4, unroll=True))(_steps(x)),
        )


# Layers of images whose size may be unknown.
OF_ANY_SIZE = {
    "batch": lambda x: kn.BatchNormalization()(x),
    "batch, no estimates": lambda x: kn.BatchNormalization(track_statistics=False)(x),
    "sync_batch": lambda x: kn.SyncBatchNormalization()(x),
    "layer": lambda x: kn.LayerNormalization()(x),
    "instance": lambda x: kn.InstanceNormalization()(x),
    "instance, with estimates": lambda x: kn.InstanceNormalization(track_statistics=True)(x),
    "group": lambda x: kn.GroupNormalization(4)(x),
    "one group": lambda x: kn.GroupNormalization(1)(x),
    "filter response": lambda x: kn.FilterResponseNormalization(learned_epsilon=True)(x),
    "TLU": lambda x: kn.TLU()(x),
    "switchable": lambda x: kn.SwitchableNormalization()(x),
    "switchable, no estimates": lambda x: kn.SwitchableNormalization(track_statistics=False)(x),
}
ROWS = {
    **OF_ANY_SIZE,
    "ghost batches": lambda x: kn.BatchNormalization(virtual_batch_size=2, track_statistics=False)(
        x
    ),
    "group, channels first": lambda x: kn.GroupNormalization(4, axis=1)(x),
    "group of a sequence": lambda x: kn.GroupNormalization(4)(_steps(x)),
    "group without positions": lambda x: kn.GroupNormalization(4)(x[:, 0, 0]),
    "group in three dimensions": lambda x: kn.GroupNormalization(4)(
        layers.Reshape((2, 4, 6, CHANNELS))(x)
    ),
    "layer over everything": lambda x: kn.LayerNormalization(axis=(1, 2, 3))(x),
    "adaptive instance": lambda x: kn.AdaptiveInstanceNormalization()([x, _style(x)]),
    "conditional instance": lambda x: kn.ConditionalInstanceNormalization(3)([x, _mixture(x)]),
    "conditional instance, by number": lambda x: kn.ConditionalInstanceNormalization(3)(
        [x, _tokens(x)[:, 0]]
    ),
    **{
        f"ConvNormActivation, {name}": lambda x, name=name: kn.ConvNormActivation(
            8, 3, normalization=name, pool="max"
        )(x)
        for name in ("batch", "layer", "instance", "group", "filter_response", "switchable")
    },
    "group in TimeDistributed": lambda x: layers.TimeDistributed(kn.GroupNormalization(4))(
        layers.Reshape((2, 4, 6, CHANNELS))(x)
    ),
    "frozen": _frozen,
    "folded": _folded,
    **_cells(unroll=True),
    **dict(_wrapped()),
}
# one of each formula, and of each way to compute with a kernel
QUICK = (
    *("batch", "layer", "instance", "group", "filter response", "switchable", "TLU"),
    *("adaptive instance", "WeightNormalization of Conv2D", "SpectralNormalization of Dense"),
)
# TFLite has no lists of tensors: loops need to know the batch.
LOOPS = {
    **_cells(unroll=False),
    "Bidirectional": lambda x: layers.Bidirectional(layers.RNN(kn.LayerNormLSTMCell(4)))(_steps(x)),
    "WeightNormalization of LSTM": lambda x: kn.WeightNormalization(layers.LSTM(4))(_steps(x)),
}


def network(rows, shape=SHAPE, batch_size=None):
    """Returns a model with a row of the table after the other in its output, and their sizes.

    Of images whose size is unknown an output is the mean of their product with the input.
    """
    x = keras.Input(shape, batch_size)
    outputs = []
    for row in rows.values():
        y = row(x)
        if None in shape:
            y = layers.GlobalAveragePooling2D()(layers.Multiply()([x, y]))
        outputs.append(layers.Flatten()(y))
    model = keras.Model(x, layers.Concatenate()(outputs))
    random = np.random.default_rng(3)
    for weight in model.weights:
        if len(weight.shape) < 2 and "float" in str(weight.dtype):
            weight.assign(random.uniform(0.3, 1, size=weight.shape))
    return model, dict(zip(rows, np.cumsum([y.shape[-1] for y in outputs]), strict=True))
