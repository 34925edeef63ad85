"""Initializers, regularizers, constraints, activations and dtypes, as Keras 3 has them.

Only what is in the tables is ever made: nothing in a file is looked up elsewhere or run.
"""

from collections.abc import Callable
from typing import Any

import keras

from kerasnorm.migrate._activations import gelu_tanh, hard_sigmoid_of_keras_2, sparsemax
from kerasnorm.migrate._values import as_saved, short

_INITIALIZERS = (
    *("Zeros", "Ones", "Constant", "RandomUniform", "RandomNormal", "TruncatedNormal"),
    *("VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal"),
    *("LecunUniform", "LecunNormal", "Orthogonal", "Identity"),
)
_REGULARIZERS = ("L1", "L2", "L1L2", "OrthogonalRegularizer")
_CONSTRAINTS = ("MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm")
_SAME = (
    *("linear", "relu", "relu6", "softmax", "elu", "selu", "softplus", "softsign", "silu"),
    *("swish", "tanh", "sigmoid", "exponential", "gelu", "leaky_relu", "mish", "log_softmax"),
)
ACTIVATIONS: dict[str, Callable] = {
    **{name: keras.activations.get(name) for name in _SAME},
    "hard_sigmoid": hard_sigmoid_of_keras_2,
    "Addons>gelu": gelu_tanh,
    "Addons>mish": keras.activations.mish,
    "Addons>hardshrink": keras.activations.hard_shrink,
    "Addons>softshrink": keras.activations.soft_shrink,
    "Addons>tanhshrink": keras.activations.tanh_shrink,
    "Addons>sparsemax": sparsemax,
}
_DTYPES = ("float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16")


def argument(key: str, value: Any) -> Any:
    """Returns the value of a layer's argument, an object if it is a serialized one.

    Raises:
        ValueError: if it is none that Keras 3 has.
    """
    for ending, make in _MAKERS.items():
        if value is not None and key.endswith(ending):
            return make(value)
    if isinstance(value, dict):
        raise ValueError(f"Its argument `{key}` is an object: {short(value)}.")
    return value


def _maker(kind: str, module: Any, names: tuple[str, ...]) -> Callable[[Any], Any]:
    table = {name: getattr(module, name) for name in names}
    lower = {name.lower(): cls for name, cls in table.items()}

    def make(value: Any) -> Any:
        if isinstance(value, str):
            cls, config = lower.get(value.replace("_", "").lower()), {}
        else:
            saved = as_saved(value, f"A {kind}")
            cls, config = table.get(saved.name), saved.config
        if cls is None:
            raise ValueError(f"There is no {kind} {short(value)} in Keras 3.")
        return cls(**{key: item for key, item in config.items() if key != "dtype"})

    return make


def _activation(value: Any) -> Callable:
    name = value
    if isinstance(value, dict):
        if value.get("class_name") != "function":
            raise ValueError(f"Its activation is an object: {short(value)}.")
        name = value.get("config")
        name = name.get("function_name") if isinstance(name, dict) else name
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(
            f"Keras 3 has no activation {short(name)}. Write it with keras.ops, rebuild the model "
            "with it and use `load_tfa_weights`."
        )
    return ACTIVATIONS[name]


def _dtype(value: Any) -> str:
    name = value
    if isinstance(value, dict):
        saved = as_saved(value, "A dtype policy")
        if saved.name.removesuffix("V1") != "Policy":
            raise ValueError(f"There is no dtype policy {saved.name!r} in Keras 3.")
        name = saved.config.get("name")
    if name not in _DTYPES and not (isinstance(name, str) and name.startswith("int")):
        raise ValueError(f"There is no dtype {short(name)} for a layer.")
    return name


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "_initializer": _maker("initializer", keras.initializers, _INITIALIZERS),
    "_regularizer": _maker("regularizer", keras.regularizers, _REGULARIZERS),
    "_constraint": _maker("constraint", keras.constraints, _CONSTRAINTS),
    "activation": _activation,
    "dtype": _dtype,
}
