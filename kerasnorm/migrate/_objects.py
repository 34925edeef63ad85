"""Translates initializers, regularizers, constraints, activations and dtypes to Keras 3.

Only what is in the tables or given by the user is ever made: nothing in a file is looked up
elsewhere or run.
"""

from collections.abc import Callable
from typing import Any

import keras

from kerasnorm.migrate._activations import gelu_tanh, hard_sigmoid_of_keras_2, sparsemax
from kerasnorm.migrate._custom import Find, line_to_write
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


def argument(key: str, value: Any, find: Find) -> Any:
    """Returns the value of a layer's argument, an object if it is a serialized one.

    Args:
        key: The argument's name.
        value: What the file says of it.
        find: Returns what the user has given under a name, or None.

    Raises:
        ValueError: If it is none that Keras 3 or the user has.
    """
    for ending, make in _MAKERS.items():
        if value is not None and key.endswith(ending):
            return make(value, find)
    if isinstance(value, dict) and value:
        raise ValueError(f"Its argument `{key}` is an object: {short(value)}.")
    return value


def _name_of(value: Any, what: str) -> tuple[Any, dict[str, Any]]:
    """Returns the name of a serialized object and its arguments."""
    if not isinstance(value, dict):
        return value, {}
    if value.get("class_name") == "function":
        name = value.get("config")
        return (name.get("function_name") if isinstance(name, dict) else name), {}
    saved = as_saved(value, what)
    return saved.name, saved.config


def _maker(kind: str, module: Any, names: tuple[str, ...]) -> Callable[[Any, Find], Any]:
    table = {name: getattr(module, name) for name in names}
    lower = {name.lower(): cls for name, cls in table.items()}

    def make(value: Any, find: Find) -> Any:
        name, config = _name_of(value, f"A {kind}")
        given = find(name)
        if given is not None:
            return given_object(given, config)
        if isinstance(value, str):
            cls = lower.get(value.replace("_", "").lower())
        else:
            cls = table.get(name)
        if cls is None:
            raise ValueError(f"There is no {kind} {short(name)} in Keras 3. {_line(name)}")
        return cls(**{key: item for key, item in config.items() if key != "dtype"})

    return make


def given_object(given: Any, config: dict[str, Any]) -> Any:
    """Returns what a class of the user makes of a config, or his function as it is."""
    if not isinstance(given, type):
        return given
    make = getattr(given, "from_config", None)
    return make(dict(config)) if make else given(**config)


def _line(name: Any) -> str:
    return f"If it is yours, give it: {line_to_write(name)}." if isinstance(name, str) else ""


def _activation(value: Any, find: Find) -> Callable:
    name, config = _name_of(value, "An activation")
    given = find(name)
    if given is not None:
        return given_object(given, config)
    if isinstance(value, dict) and value.get("class_name") != "function":
        raise ValueError(f"Its activation is an object: {short(value)}. {_line(name)}")
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(
            f"Keras 3 has no activation {short(name)}. {_line(name)} Write it with keras.ops."
        )
    return ACTIVATIONS[name]


def _dtype(value: Any, find: Find) -> str | None:
    name = value
    if isinstance(value, dict):
        saved = as_saved(value, "A dtype policy")
        if saved.name.removesuffix("V1") != "Policy":
            raise ValueError(f"There is no dtype policy {saved.name!r} in Keras 3.")
        name = saved.config.get("name")
    if isinstance(name, str) and name.startswith(("int", "uint", "bool")):
        return None  # of its inputs: an Embedding's weights would be cut to integers by it
    if name not in _DTYPES:
        raise ValueError(f"There is no dtype {short(name)} for a layer.")
    return name


_MAKERS: dict[str, Callable[[Any, Find], Any]] = {
    "_initializer": _maker("initializer", keras.initializers, _INITIALIZERS),
    "_regularizer": _maker("regularizer", keras.regularizers, _REGULARIZERS),
    "_constraint": _maker("constraint", keras.constraints, _CONSTRAINTS),
    "activation": _activation,
    "dtype": _dtype,
}
