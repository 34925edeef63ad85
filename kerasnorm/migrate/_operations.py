"""Translates TensorFlow operations between layers: arithmetic and a few more."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kerasnorm._types import Tensor
from kerasnorm.migrate._values import short

Config = dict[str, Any]
_METHODS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


def _resize(
    x: Tensor,
    size: tuple[int, int],
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
) -> Tensor:
    if method not in _METHODS or preserve_aspect_ratio:
        raise ValueError(
            f"It resizes by method={method!r}, preserve_aspect_ratio={preserve_aspect_ratio!r}, "
            "which Keras does not."
        )
    resize = {"interpolation": method, "antialias": antialias, "data_format": "channels_last"}
    return ops.image.resize(x, tuple(size), **resize)


def _mean(x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:
    return ops.mean(x, tuple(axis) if isinstance(axis, list) else axis, bool(keepdims))


# the first argument is called x here, the others as in TensorFlow
OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "__operators__.add": lambda x, y: ops.add(x, y),
    "math.add": lambda x, y: ops.add(x, y),
    "math.subtract": lambda x, y: ops.subtract(x, y),
    "math.multiply": lambda x, y: ops.multiply(x, y),
    "math.truediv": lambda x, y: ops.true_divide(x, y),
    "math.negative": lambda x: ops.negative(x),
    "math.pow": lambda x, y: ops.power(x, y),
    "math.square": lambda x: ops.square(x),
    "math.reduce_mean": _mean,
    "expand_dims": lambda x, axis: ops.expand_dims(x, axis),
    "reshape": lambda x, shape: ops.reshape(x, tuple(shape)),
    "concat": lambda x, axis: ops.concatenate(x, axis),
    "cast": lambda x, dtype: ops.cast(x, dtype),
    "nn.relu": lambda x: ops.relu(x),
    "nn.relu6": lambda x: ops.relu6(x),
    "image.resize": _resize,
}


@keras.saving.register_keras_serializable(package="kerasnorm")
class TensorFlowOperation(keras.layers.Layer):
    """Layer for an operation of TensorFlow between the layers of an old model.

    Used in models loaded by `load_tfa_model`; in new models use `keras.ops`.

    Args:
        function: Its name in the file, a key of `OPERATIONS`.
        tensors: Names of the arguments that are tensors, in the order of the inputs.
        arguments: The other arguments by name. Defaults to None.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: The tensor, or a list of them.

    Input shape and output shape:
        Those of the operation.

    Raises:
        ValueError: For an operation that is not in the list, and arguments that it does not take.

    Example:

    >>> import numpy as np
    >>> halved = TensorFlowOperation("math.truediv", ["x"], {"y": 2.0})
    >>> keras.ops.convert_to_numpy(halved(np.array([3.0], "float32"))).tolist()
    [1.5]
    """

    def __init__(
        self, function: str, tensors: list[str], arguments: Config | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**{**kwargs, "autocast": False})
        if function not in OPERATIONS:
            raise ValueError(
                f"`function` should be one of {', '.join(OPERATIONS)}. Received: {function!r}."
            )
        self.function, self.tensors = function, list(tensors)
        self.arguments = dict(arguments or {})

    def call(self, inputs: Any) -> Tensor:
        given = inputs if len(self.tensors) > 1 else [inputs]
        tensors = dict(zip(self.tensors, given, strict=True))
        dtype = keras.tree.flatten(inputs)[0].dtype
        constants = {
            key: ops.convert_to_tensor(value, dtype) if key in "xy" and _is_array(value) else value
            for key, value in self.arguments.items()
        }
        return OPERATIONS[self.function](**tensors, **constants)

    def get_config(self) -> Config:
        own = {"function": self.function, "tensors": self.tensors, "arguments": self.arguments}
        return {**super().get_config(), **own}


def _is_array(value: Any) -> bool:
    return isinstance(value, list)


def make_operation(config: Config, name: str) -> TensorFlowOperation:
    """Returns the layer for an operation, of what the file and `split_arguments` say of it."""
    arguments = config.get("tensors"), config.get("arguments")
    layer = TensorFlowOperation(config["function"], *arguments, name=name)
    layer.trainable = config.get("trainable", True)
    return layer


def split_arguments(inputs: Any, named: Config) -> tuple[Any, Config]:
    """Returns what an operation is called with, and the config of a layer for the rest.

    Args:
        inputs: Its first argument in the file, a tensor, a list of them or a constant.
        named: The others by name.

    >>> split_arguments(2.0, {"y": keras.Input((3,), name="z"), "name": None})[1]
    {'tensors': ['y'], 'arguments': {'x': 2.0}}
    """
    every = {"x": inputs, **{key: value for key, value in named.items() if key != "name"}}
    every = {key: value for key, value in every.items() if value is not None}
    tensors = {key: value for key, value in every.items() if _has_tensor(value)}
    constants = {key: value for key, value in every.items() if key not in tensors}
    if not tensors:
        raise ValueError("It is called with no output of another layer.")
    if any(not _is_tensors(value) for value in tensors.values()):
        raise ValueError(f"Its arguments {short([*tensors])} mix tensors and constants.")
    if len(tensors) > 1 and any(isinstance(value, list) for value in tensors.values()):
        raise ValueError("Only its first argument should be a list of tensors.")
    call = [*tensors.values()] if len(tensors) > 1 else next(iter(tensors.values()))
    return call, {"tensors": [*tensors], "arguments": constants}


def _has_tensor(value: Any) -> bool:
    return any(isinstance(item, keras.KerasTensor) for item in keras.tree.flatten(value))


def _is_tensors(value: Any) -> bool:
    return all(isinstance(item, keras.KerasTensor) for item in keras.tree.flatten(value))
