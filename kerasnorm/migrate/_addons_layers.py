"""Translates the layers of TensorFlow Addons."""

from collections.abc import Callable

import keras

from kerasnorm import normalization as norms
from kerasnorm.migrate._addons_tlu import AddonsTLU
from kerasnorm.migrate._keras_layers import KERAS_2, Config, Shape
from kerasnorm.migrate._objects import ACTIVATIONS
from kerasnorm.migrate._values import expect

_ADAPTIVE = tuple(f"Adaptive{kind}Pooling{n}D" for kind in ("Average", "Max") for n in (1, 2, 3))


def _group(config: Config, shape: Shape) -> tuple[type, Config]:
    groups, axis = config.get("groups", 32), expect(config.get("axis", -1), int, "Its axis")
    channels = shape[axis] if isinstance(shape, tuple) and -len(shape) <= axis < len(shape) else 0
    if axis < -1 and groups in (-1, channels):
        _refuse_axis(axis)
    return norms.GroupNormalization, config


def _instance(config: Config, shape: Shape) -> tuple[type, Config]:
    axis = expect(config.get("axis", -1), int, "Its axis")
    if axis < -1:
        _refuse_axis(axis)
    # TFA writes down the number of channels for groups
    return norms.InstanceNormalization, {k: v for k, v in config.items() if k != "groups"}


def _refuse_axis(axis: int) -> None:
    raise ValueError(
        f"Its axis {axis} makes TensorFlow Addons normalize over wrong axes, or fail. Rebuild the "
        "model with kerasnorm's InstanceNormalization and train it again; its other layers' "
        "weights can be loaded with `load_tfa_weights`."
    )


def _filter_response(config: Config, shape: Shape) -> tuple[type, Config]:
    config = dict(config)
    axes = config.pop("axis", [1, 2])
    if axes != [1, 2]:
        raise ValueError(f"Its axis should be [1, 2], the positions. Received: axis={axes!r}.")
    return norms.FilterResponseNormalization, config


def _tlu(config: Config, shape: Shape) -> tuple[type, Config]:
    per_channel = isinstance(shape, tuple) and len(shape) == 2
    return (norms.TLU if per_channel else AddonsTLU), config


def _weight(config: Config, shape: Shape) -> tuple[type, Config]:
    wrapped = config.get("layer")
    if not isinstance(wrapped, (keras.layers.Dense, *_CONVOLUTIONS)):
        raise ValueError(
            f"It wraps a {type(wrapped).__name__}, of which TensorFlow Addons normalizes another "
            "matrix than kerasnorm does: in a recurrent layer the recurrent kernel alone, in a "
            "transposed convolution by its inputs. Take the wrapper off with its `remove()` where "
            "TensorFlow Addons is installed, and save again."
        )
    return norms.WeightNormalization, config


_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)


def _lstm_cell(config: Config, shape: Shape) -> tuple[type, Config]:
    return norms.LayerNormLSTMCell, config


def _gelu(config: Config, shape: Shape) -> tuple[type, Config]:
    config = dict(config)
    name = "Addons>gelu" if config.pop("approximate", True) else "gelu"
    return keras.layers.Activation, {**config, "activation": ACTIVATIONS[name]}


def _sparsemax(config: Config, shape: Shape) -> tuple[type, Config]:
    config = dict(config)
    if config.pop("axis", -1) != -1:
        raise ValueError("It is not along the last axis. Put a Permute around it.")
    return keras.layers.Activation, {**config, "activation": ACTIVATIONS["Addons>sparsemax"]}


def _adaptive(name: str) -> Callable[[Config, Shape], tuple[type, Config]]:
    def translate(config: Config, shape: Shape) -> tuple[type, Config]:
        cls = getattr(keras.layers, name, None)  # since Keras 3.13
        if cls is None:
            raise ValueError(f"Keras {keras.__version__} has no {name}: use a later one.")
        return cls, config

    return translate


ADDONS = {
    "GroupNormalization": _group,
    "InstanceNormalization": _instance,
    "FilterResponseNormalization": _filter_response,
    "TLU": _tlu,
    "WeightNormalization": _weight,
    "SpectralNormalization": KERAS_2["SpectralNormalization"],
    "LayerNormLSTMCell": _lstm_cell,
    "GELU": _gelu,
    "Sparsemax": _sparsemax,
    **{name: _adaptive(name) for name in _ADAPTIVE},
}
