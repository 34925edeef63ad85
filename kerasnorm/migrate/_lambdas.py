"""Loads Lambda layers, whose code is in the file: refused, or run if the user trusts it."""

import base64
import binascii
import marshal
import sys
import types
from typing import Any

import keras
import numpy as np

from kerasnorm.migrate._custom import Find, line_to_write
from kerasnorm.migrate._values import short

_PYTHON = (3, 11)  # the last one that TensorFlow Addons ran on; files do not say which it was


def make_lambda(
    config: dict[str, Any], name: str, safe_mode: bool, find: Find
) -> keras.layers.Lambda:
    """Returns a Lambda layer with a function that the user gives, or the one in the file.

    Args:
        config: What the file says of the layer.
        name: The layer's name, under which its function may be given.
        safe_mode: Whether the code in the file must not run.
        find: Returns what the user has given under a name, or None.

    Raises:
        ValueError: If none is given with `safe_mode`, and for code that this Python cannot run.
    """
    shape, function = config.get("output_shape"), config.get("function")
    named = config.get("function_type") == "function" and isinstance(function, str)
    given = find(function) if named else find(name)
    if given is None and named:
        raise ValueError(
            f"The function {short(function)} is only named in the file. Give it: "
            f"{line_to_write(function)}."
        )
    if config.get("output_shape_type", "raw") != "raw":
        raise ValueError(
            "Its `output_shape` is a function, too. Rebuild the model and use `load_tfa_weights`."
        )
    if given is None and safe_mode:
        raise ValueError(
            "It is a Lambda layer, whose code would run and could do anything. Say "
            "`safe_mode=False` if you trust the file, or give a function that does the same "
            f'under the name of the layer: `custom_objects={{"{name}": your_function}}`.'
        )
    return keras.layers.Lambda(
        _function(function) if given is None else given,
        tuple(shape) if isinstance(shape, list) else shape,
        arguments=config.get("arguments"),
        name=name,
    )


def _function(saved: Any) -> types.FunctionType:
    if sys.version_info[:2] != _PYTHON:
        raise ValueError(
            "The code in it is of the Python that wrote the file, 3.11 at most, and cannot run in "
            f"{sys.version.split()[0]}. Load it with Python 3.11, or rebuild the model and use "
            "`load_tfa_weights`."
        )
    try:
        text, defaults, closure = saved
        code = marshal.loads(base64.b64decode(text))
    except (TypeError, ValueError, EOFError, binascii.Error) as error:
        raise ValueError(
            "The code in it is damaged, or of another Python than 3.11. Rebuild the model and use "
            "`load_tfa_weights`."
        ) from error
    if not isinstance(code, types.CodeType) or code.co_freevars or closure:
        raise ValueError(
            "Its function uses variables from around it, which are not in the file. Rebuild the "
            "model and use `load_tfa_weights`."
        )
    # as in Keras 2, whose Lambda layers see what Keras' own module has imported
    names = {"keras": keras, "np": np, "tf": sys.modules.get("tensorflow")}
    return types.FunctionType(code, names, argdefs=tuple(defaults or ()))
