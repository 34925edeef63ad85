"""Translates the layers of Keras 2 and their arguments to Keras 3."""

import inspect
from typing import Any

import keras

from kerasnorm import normalization as norms
from kerasnorm.migrate._addons_spectral_normalization import AddonsSpectralNormalization
from kerasnorm.migrate._values import short

Config = dict[str, Any]
Shape = Any  # of the input: a tuple, or lists and dicts of them; None where it is not known

PLAIN = (
    *("Activation", "ActivityRegularization", "Add", "AdditiveAttention", "AlphaDropout"),
    *("Attention", "Average", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
    *("CenterCrop", "Concatenate", "Conv1D", "Conv1DTranspose", "Conv2D", "Conv2DTranspose"),
    *("Conv3D", "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Cropping1D"),
    *("Cropping2D", "Cropping3D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Dot"),
    *("Dropout", "ELU", "EinsumDense", "Embedding", "Flatten", "GRU", "GRUCell"),
    *("GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D"),
    *("GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
    *("GlobalMaxPooling3D", "GroupNormalization", "Identity", "LSTM", "LSTMCell", "Masking"),
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum"),
    *("MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "RandomContrast"),
    *("RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "ReLU"),
    *("RepeatVector", "Rescaling", "Reshape", "Resizing", "SeparableConv1D"),
    *("SeparableConv2D", "SimpleRNN", "SimpleRNNCell", "Softmax", "SpatialDropout1D"),
    *("SpatialDropout2D", "SpatialDropout3D", "Subtract"),
    *("UnitNormalization", "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D"),
    *("ZeroPadding2D", "ZeroPadding3D"),
)
# what says nothing, as the weights and inputs say it, or it is of the way to compute
_SAYS_NOTHING = {
    *("batch_input_shape", "build_input_shape", "implementation", "input_length", "fused"),
    *("key_shape", "query_shape", "value_shape", "dynamic", "shared_object_id"),
}
_EVERY = {"name", "dtype", "trainable", "activity_regularizer"}
# what Keras 3 has no choice of: it is as here
_ONLY = {
    "causal": False,
    "groups": 1,
    "ragged": False,
    "renorm": False,
    "sparse": False,
    "time_major": False,
}


def plain(name: str) -> Any:
    """Returns the translation of a layer that has the same name in Keras 3."""
    return lambda config, shape: (getattr(keras.layers, name), config)


def _leaky_relu(config: Config, shape: Shape) -> tuple[type, Config]:
    return keras.layers.LeakyReLU, _renamed(config, "alpha", "negative_slope")


def _thresholded_relu(config: Config, shape: Shape) -> tuple[type, Config]:
    return keras.layers.ReLU, _renamed(config, "theta", "threshold")


def _separable(cls: type) -> Any:
    def translate(config: Config, shape: Shape) -> tuple[type, Config]:
        return cls, {k: v for k, v in config.items() if not k.startswith("kernel_") or k in _TAPS}

    return translate


_TAPS = ("kernel_size",)


def _layer_normalization(config: Config, shape: Shape) -> tuple[type, Config]:
    """Keras 3 gives γ of several axes the wrong order; ours does not."""
    axis = config.get("axis", -1)
    if isinstance(axis, list) and len(axis) == 1:
        return keras.layers.LayerNormalization, {**config, "axis": axis[0]}
    several = isinstance(axis, list)
    return (norms if several else keras.layers).LayerNormalization, config


def _batch_normalization(config: Config, shape: Shape) -> tuple[type, Config]:
    """Of images and volumes Keras 2 keeps an unbiased moving variance, as ours can."""
    axis = config.get("axis", -1)
    if isinstance(axis, list):
        if len(axis) != 1:
            raise ValueError(
                f"It normalizes each place on the axes {axis} on its own, which no layer of Keras "
                "3 does."
            )
        axis = axis[0]
    config = {**config, "axis": axis}
    if isinstance(shape, tuple) and len(shape) in (4, 5) and config.get("fused") is not False:
        return norms.BatchNormalization, {**config, "unbiased": True}
    return keras.layers.BatchNormalization, config


def _synchronized(config: Config, shape: Shape) -> tuple[type, Config]:
    return norms.SyncBatchNormalization, _batch_normalization(config, None)[1]


def _spectral(config: Config, shape: Shape) -> tuple[type, Config]:
    return AddonsSpectralNormalization, config  # Keras took TFA's over


def _cudnn_lstm(config: Config, shape: Shape) -> tuple[type, Config]:
    """cuDNN's is the one with the usual activations, whatever its initializers said."""
    return keras.layers.LSTM, config


def _cudnn_gru(config: Config, shape: Shape) -> tuple[type, Config]:
    return keras.layers.GRU, {**config, "reset_after": True}


def _gru(cls: type) -> Any:
    """Keras before 2.1.3 has no `reset_after`, and never resets there."""
    return lambda config, shape: (cls, {"reset_after": False, **config})


def _merge(config: Config, shape: Shape) -> tuple[type, Config]:
    """Keras 1's, which Keras 2 still read: with a word for what it does."""
    mode = config.get("mode")
    known = {key: config[key] for key in ("name", "trainable") if key in config}
    if mode == "concat":
        return keras.layers.Concatenate, {**known, "axis": config.get("concat_axis", -1)}
    if mode not in _MERGES:
        raise ValueError(f"It merges by {short(mode)}, which no layer of Keras 3 does.")
    return _MERGES[mode], known


_MERGES: dict[Any, type] = {
    "sum": keras.layers.Add,
    "mul": keras.layers.Multiply,
    "ave": keras.layers.Average,
    "max": keras.layers.Maximum,
}


def _renamed(config: Config, old: str, new: str) -> Config:
    return {new if key == old else key: value for key, value in config.items()}


KERAS_2 = {
    **{name: plain(name) for name in PLAIN},
    "BatchNormalization": _batch_normalization,
    "BatchNormalizationV1": _batch_normalization,
    "BatchNormalizationV2": _batch_normalization,
    "CuDNNGRU": _cudnn_gru,
    "CuDNNLSTM": _cudnn_lstm,
    "DepthwiseConv1D": _separable(keras.layers.DepthwiseConv1D),
    "DepthwiseConv2D": _separable(keras.layers.DepthwiseConv2D),
    "GRU": _gru(keras.layers.GRU),
    "GRUCell": _gru(keras.layers.GRUCell),
    "LayerNormalization": _layer_normalization,
    "LeakyReLU": _leaky_relu,
    "Merge": _merge,
    "SeparableConv1D": _separable(keras.layers.SeparableConv1D),
    "SeparableConv2D": _separable(keras.layers.SeparableConv2D),
    "SpectralNormalization": _spectral,
    "SyncBatchNormalization": _synchronized,
    "ThresholdedReLU": _thresholded_relu,
}


def as_of_base(cls: type, config: Config, known: set[str]) -> Config:
    """Returns the config of a user's class with what Keras 2 put there as Keras 3 has it.

    Args:
        cls: The user's class, of a layer of Keras perhaps.
        config: What the file says of the layer.
        known: The arguments that the class takes.
    """
    bases = (base for base in cls.__mro__ if base.__module__.partition(".")[0] == "keras")
    base = next(bases, keras.Layer).__name__
    if base in KERAS_2:
        config = KERAS_2[base](config, None)[1]
    return {k: v for k, v in config.items() if k in known or not _is_silent(k, v)}


def _is_silent(key: str, value: Any) -> bool:
    return key in _SAYS_NOTHING or (key in _ONLY and value == _ONLY[key])


def accepted(cls: type, config: Config, known: set[str]) -> Config:
    """Returns the arguments of a config that a class takes; the others say nothing.

    Raises:
        ValueError: For an argument that the class does not take and that says something.
    """
    kept = {key: value for key, value in config.items() if key in known}
    for key, value in config.items():
        if key not in kept and value is not None and not _is_silent(key, value):
            raise ValueError(
                f"Its argument {key}={short(value)} has no equal in Keras 3's {cls.__name__}."
            )
    return kept


def arguments_of(cls: type) -> set[str]:
    """Returns the names of the arguments that a class of layers takes."""
    known: set[str] = set()
    for base in cls.__mro__:
        if base is keras.Layer:
            return known | _EVERY
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters
            known |= parameters.keys() - {"self", "args", "kwargs"}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
                break
    return known | {"trainable"}
