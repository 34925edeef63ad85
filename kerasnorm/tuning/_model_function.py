"""Checks the function that returns the model to start from."""

import inspect
from collections.abc import Callable

import keras

from kerasnorm._validation import listed


def takes_recipe(model_fn: Callable[..., keras.Model]) -> bool:
    """Returns whether the function is to be called with the recipe, or with nothing.

    Raises:
        ValueError: If it is no function, or needs more.

    >>> takes_recipe(lambda recipe: None), takes_recipe(lambda classes=3: None)
    (True, False)
    """
    if not callable(model_fn) or isinstance(model_fn, keras.Model):
        raise ValueError(
            "`model_fn` should be a function that returns the model to start from, such as "
            f"`lambda: model`. Received: {model_fn!r}."
        )
    parameters = inspect.signature(model_fn).parameters.values()
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p for p in parameters if p.default is p.empty and p.kind not in variable]
    if len(required) > 1:
        raise ValueError(
            "`model_fn` should have no argument without a default, or one, the recipe. "
            f"Received one with {listed(parameter.name for parameter in required)}."
        )
    return bool(required)
