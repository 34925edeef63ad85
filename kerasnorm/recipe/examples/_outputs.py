"""What a model gives, as far as it decides how its labels are read."""

from typing import NamedTuple

import keras

from kerasnorm.models import classes_of, ends_in, gives_maps, is_graph, last_layer
from kerasnorm.transfer import is_backbone


class Outputs(NamedTuple):
    """The outputs of a model.

    Attributes:
        units: units or filters of its head; None of a backbone.
        sigmoid: whether it ends in a sigmoid.
        maps: whether they are of pixels.
    """

    units: int | None = None
    sigmoid: bool = False
    maps: bool = False

    @classmethod
    def of(cls, model: keras.Model) -> "Outputs":
        """Returns the outputs of a model that ends in a head or in features."""
        sigmoid = ends_in(model, "sigmoid")
        if not is_backbone(model):
            return cls(classes_of(model), sigmoid, is_graph(model) and gives_maps(model))
        filters = getattr(last_layer(model), "filters", None)
        maps = filters is not None and len(model.outputs[0].shape) == 4
        return cls(filters if maps else None, sigmoid, maps)
