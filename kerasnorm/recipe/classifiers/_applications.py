"""The models of keras.applications: made by name, and known by the name that they get."""

import inspect
import re
from collections.abc import Callable
from typing import Any
from urllib.error import URLError

import keras

from kerasnorm._existing import backbone_names, check_backbone


def application_named(name: str) -> Callable[..., keras.Model]:
    """Returns the function of keras.applications that makes the model of that name.

    Raises:
        ValueError: If there is none.
    """
    check_backbone(name)
    return getattr(keras.applications, name)


def preprocessing_of(name: str) -> Callable[[Any], Any]:
    """Returns what the models of that name want done to raw images, as their module has it."""
    return inspect.getmodule(application_named(name)).preprocess_input


def make_base(name: str, shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """Returns the model of that name without its top.

    Args:
        name: Of the function, such as "MobileNetV2".
        shape: Height, width and channels of the images.
        weights: "imagenet", or None for new initial weights.

    Raises:
        ValueError: If there is no such model, or it does not take images of that shape.
        OSError: If the weights cannot be fetched.
    """
    make = application_named(name)
    try:
        return make(include_top=False, weights=weights, input_shape=shape)
    except Exception as error:  # what keras.utils.get_file raises is nothing narrower
        if not isinstance(error.__context__, (URLError, ConnectionError, TimeoutError)):
            raise
        raise OSError(
            f"The {weights} weights of {name} could not be fetched: {error}. Without network give "
            "a file of weights, or none."
        ) from error


def application_of(model: keras.Model) -> str | None:
    """Returns which function of keras.applications made a model, by its name; None: no such one.

    It calls its models as itself, and some with a width and a size: "mobilenetv2_1.00_224".
    """
    found = _letters(model.name)
    names = [name for name in backbone_names() if found.startswith(_letters(name))]
    best = max(names, key=len, default=None)
    rest = None if best is None else found.removeprefix(_letters(best))
    return best if rest == "" or (rest or "").isdigit() else None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
