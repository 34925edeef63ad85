"""Replaces the normalization of a model by that of a recipe."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras

from kerasnorm.recipe._chapters import WEIGHT_STANDARDIZATION
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.surgery import kind_of, normalizations, replace_normalization


def with_normalization(model: keras.Model, recipe: Recipe) -> keras.Model:
    """Returns a model whose normalization layers are of the recipe's kind.

    That is the model given if they are already, or the recipe names none; else a new one, in which
    those of another kind, or with other settings, are replaced.

    Raises:
        ValueError: If there is no normalization layer, or one that cannot be replaced.
    """
    name, settings = recipe.normalization, dict(recipe.normalization_settings)
    if name is None:
        return model
    standardized = settings.pop(WEIGHT_STANDARDIZATION, False)
    found = [leaf.layer for leaf in normalizations(model)]
    wrong = {id(layer) for layer in found if kind_of(layer) != name or not _has(layer, settings)}
    if found and not wrong and not standardized:
        return model
    if not found:
        raise ValueError(
            f"The recipe says normalization={name!r}, and the model has no normalization layer. "
            "Build the model with it, for example of kerasnorm.normalization.ConvNormActivation("
            f"…, normalization={name!r}), or use normalization=None."
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*cannot be replaced")  # an error here
        replaced = replace_normalization(
            model,
            name,
            lambda layer: standardized or id(layer) in wrong,
            weight_standardization=standardized,
            **settings,
        )
    if replaced.report.refused:
        path = replaced.report.refused[0]
        raise ValueError(
            f"The recipe says normalization={name!r}, and the layer at '{path}' cannot be that: "
            f"{replaced.report.reasons[path]}"
        )
    return replaced.model


def _has(layer: keras.Layer, settings: Mapping[str, Any]) -> bool:
    config = layer.get_config()
    return all(config.get(key) == _as_config(value) for key, value in settings.items())


def _as_config(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
