"""Whether a model has the normalization that a recipe names."""

from collections.abc import Mapping
from typing import Any

import keras

from kerasnorm import normalization as norms
from kerasnorm.recipe.recipe import Recipe
from kerasnorm.surgery.frozen import plain_class
from kerasnorm.surgery.leaves import leaves

_KERAS = {
    "batch": keras.layers.BatchNormalization,
    "layer": keras.layers.LayerNormalization,
    "group": keras.layers.GroupNormalization,
}


def check_normalization_of(model: keras.Model, recipe: Recipe) -> None:
    """Refuses a model whose normalization layers are not of the recipe's kind.

    Raises:
        ValueError: if the recipe names a normalization, and a normalization layer of the model is
            of another kind or has other settings, or there is none.
    """
    wanted = recipe.normalization
    if wanted is None:
        return
    found = [(leaf.path, leaf.layer, kind_of(leaf.layer)) for leaf in leaves(model)]
    found = [each for each in found if each[2] is not None]
    wrong = [
        f"{kind} at '{path}'"
        for path, layer, kind in found
        if kind != wanted or not _has(layer, recipe.normalization_settings)
    ]
    if found and not wrong:
        return
    settings = "".join(f", {key}={value!r}" for key, value in recipe.normalization_settings.items())
    raise ValueError(
        f"The recipe says normalization={wanted!r}{settings}, and the model has "
        f"{f'{wrong[0]} ({len(wrong)} such layers)' if wrong else 'no normalization layer'}. "
        "Build the model with it, for example of kerasnorm.normalization.ConvNormActivation("
        f"…, normalization={wanted!r}), or use normalization=None to keep what the model has."
    )


def kind_of(layer: keras.Layer) -> str | None:
    """Returns the name that `kerasnorm.normalization.get` knows a layer's kind by, or None.

    >>> kind_of(keras.layers.BatchNormalization())
    'batch'
    """
    kinds = {cls: name for name, cls in _KERAS.items()}
    kinds |= {type(norms.get(name)): name for name in norms.names()}
    plain = plain_class(layer)
    kind = next((kinds[cls] for cls in plain.__mro__ if cls in kinds), None)
    return "sync_batch" if kind == "batch" and layer.synchronized else kind


def _has(layer: keras.Layer, settings: Mapping[str, Any]) -> bool:
    config = layer.get_config()
    return all(config.get(key) == _as_config(value) for key, value in settings.items())


def _as_config(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
