"""Describes values such that equal descriptions mean equal trainings, in any process."""

import enum
import functools
import hashlib
import inspect
import pathlib
import re
import types
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

import kerasnorm
from kerasnorm.backend import backend_version

_DEEPEST = 8
# of layers: names count on within a process, and seeds are drawn where none are given
_NOT_OF_LAYERS = {"name", "seed", "seed_generator", "shared_object_id", "build_config", "layers"}
_WHOLE = 2**28  # bytes of an array that are read; of a larger one a sample is
_SAMPLE = 4096


def describe(value: Any, depth: int = 0) -> Any:
    """Returns a description of a value that JSON holds.

    Objects of Keras are described by their class and config, models by their layers and weights,
    arrays by a checksum, functions by what they do, other objects by their class and what they
    were made with.

    >>> describe(keras.optimizers.schedules.CosineDecay(0.1, 10))["config"]["decay_steps"]
    10
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > _DEEPEST:
        return _name(type(value))
    inside = functools.partial(describe, depth=depth + 1)
    if isinstance(value, dict):
        return {str(key): inside(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [inside(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    if isinstance(value, np.generic):
        return value.item() if value.dtype.kind in "biufU" else str(value)
    if isinstance(value, re.Pattern | range | slice | pathlib.PurePath | np.dtype | enum.Enum):
        return str(value)
    if isinstance(value, type):
        return _name(value)
    if isinstance(value, keras.Layer):
        return _of_layer(value, inside)
    if isinstance(value, functools.partial):
        return {"partial": inside(value.func), "of": inside([value.args, value.keywords])}
    if callable(value) and hasattr(value, "__qualname__"):
        return _of_function(value, inside)
    if hasattr(value, "get_config"):
        return _of_config(value, inside)
    if isinstance(value, np.ndarray) or keras.ops.is_tensor(value) or hasattr(value, "__array__"):
        array = np.asarray(value)
        return {"shape": list(array.shape), "dtype": str(array.dtype), "checksum": checksum(array)}
    return {"class": _name(type(value)), **inside(made_with(value))}


def checksum(*arrays: Any) -> str:
    """Returns a checksum of arrays: dtypes, shapes and bytes; of large ones those of a sample."""
    digest = hashlib.sha256()
    for array in map(np.asarray, arrays):
        digest.update(f"{array.dtype}{array.shape}".encode())
        if array.nbytes > _WHOLE and array.ndim:
            array = array[np.linspace(0, len(array) - 1, _SAMPLE).astype(int)]
        if array.dtype.hasobject:
            digest.update(repr(array.tolist()).encode())
        else:
            digest.update(np.ascontiguousarray(array).reshape(-1).view("uint8"))
    return digest.hexdigest()[:16]


def versions() -> dict[str, str]:
    """Returns the versions of what computes a training, by name."""
    return {
        "kerasnorm": kerasnorm.__version__,
        "keras": keras.__version__,
        "backend": backend_version(),
        "floatx": keras.config.floatx(),
    }


def made_with(value: Any) -> dict[str, Any]:
    """Returns the arguments that an object was made with, as far as attributes keep them."""
    try:
        names = inspect.signature(type(value)).parameters
    except (TypeError, ValueError):  # written in C
        return {}
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _of_config(value: Any, inside: Any) -> dict[str, Any]:
    try:
        config = value.get_config()
    except NotImplementedError:  # an object of the user's own that cannot be saved
        config = made_with(value)
    left_out = ("name", "seen")  # numbered within a process; what a loss has counted until now
    kept = {key: each for key, each in config.items() if key not in left_out}
    return {"class": _name(type(value)), "config": inside(kept)}


def _of_layer(layer: keras.Layer, inside: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"class": _name(type(layer))}
    if isinstance(layer, keras.Model):
        found["layers"] = [inside(each) for each in layer.layers]
        found["weights"] = weights_checksum(layer)
    else:
        found |= _of_config(layer, lambda config: inside(_without_names(config)))
        found["dtype"] = layer.dtype_policy.name
    return found


def weights_checksum(model: keras.Layer) -> str:
    """Returns a checksum of a model's weights."""
    return checksum(*(keras.ops.convert_to_numpy(weight) for weight in model.weights))


def _without_names(config: Any) -> Any:
    if isinstance(config, dict):
        kept = {key: each for key, each in config.items() if key not in _NOT_OF_LAYERS}
        return {key: _without_names(each) for key, each in kept.items()}
    if isinstance(config, list | tuple):
        return [_without_names(each) for each in config]
    return config


def _of_function(function: Any, inside: Any) -> Any:
    name = _name(function)
    if isinstance(function, types.MethodType):
        return {"method": name, "of": inside(function.__self__)}
    code = getattr(function, "__code__", None)
    if code is None:
        return name
    found: dict[str, Any] = {"function": function.__name__, "code": _of_code(code)}
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_full(cell)]
    if cells or function.__defaults__ or function.__kwdefaults__:
        found["with"] = inside([function.__defaults__, function.__kwdefaults__, cells])
    return found


def _is_full(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _of_code(code: types.CodeType) -> str:
    digest = hashlib.sha256(code.co_code)
    for part in _constants(code.co_consts):
        digest.update(part.encode())
    digest.update(repr(code.co_names).encode())
    return digest.hexdigest()[:16]


def _constants(values: Iterable[Any]) -> Iterable[str]:
    for value in values:
        if isinstance(value, frozenset):
            yield repr(sorted(map(repr, value)))
        else:
            yield _of_code(value) if isinstance(value, types.CodeType) else repr(value)


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
