"""Finds the preprocessing that a given model needs."""

from collections.abc import Callable
from typing import Any

import keras

from kerasnorm.models import calls, graph_of, plain_class
from kerasnorm.recipe.classifiers._applications import application_of, preprocessing_of
from kerasnorm.transfer import rescaling_of

_PREPROCESSING = (keras.layers.Rescaling, keras.layers.Normalization)


def preprocessing_for(model: keras.Model) -> Callable[[Any], Any] | None:
    """Returns what takes raw images to what a model wants; None if that is the same.

    | model | preprocessing |
    |---|---|
    | a KerasHub task with a preprocessor | scale and offset of its image converter |
    | begins with `Rescaling` or `Normalization` | its own, none besides |
    | of keras.applications, by its name | the family's `preprocess_input` |
    | any other | none |
    """
    if getattr(getattr(model, "preprocessor", None), "image_converter", None) is not None:
        return rescaling_of(model)
    if _preprocesses_itself(model):
        return None
    name = application_of(model)
    return None if name is None else preprocessing_of(name)


def _preprocesses_itself(model: keras.Model) -> bool:
    """Returns whether a layer for preprocessing comes before the first one with weights to learn.

    In a model at the beginning, too.
    """
    graph = graph_of(model)
    for call in calls(graph) if graph is not None else ():
        layer = call.operation
        if isinstance(layer, keras.layers.Layer) and plain_class(layer) in _PREPROCESSING:
            return True
        if isinstance(layer, keras.Model):
            return _preprocesses_itself(layer)
        if getattr(layer, "weights", None):
            return False
    return False
