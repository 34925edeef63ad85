"""Lambda layers, whose code is in the file: refused, or run if the user trusts it."""

import base64
import binascii
import marshal
import sys
import types
from typing import Any

import keras
import numpy as np

from kerasnorm.migrate._values import short

_PYTHON = (3, 11)  # the last one that TensorFlow Addons ran on; files do not say which it was


def make_lambda(config: dict[str, Any], name: str, safe_mode: bool) -> keras.layers.Lambda:
    """Returns a Lambda layer with the function in the file.

    Raises:
        ValueError: with `safe_mode`, and for code that this Python cannot run.
    """
    if safe_mode:
        raise ValueError(
            "It is a Lambda layer, whose code would run and could do anything. Say "
            "`safe_mode=False` if you trust the file."
        )
    shape = config.get("output_shape")
    if config.get("function_type") != "lambda" or config.get("output_shape_type", "raw") != "raw":
        raise ValueError(
            f"The function {short(config.get('function'))} is only named in the file. Rebuild the "
            "model with it and use `load_tfa_weights`."
        )
    return keras.layers.Lambda(
        _function(config.get("function")),
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
