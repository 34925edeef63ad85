"""Turns a layer into another one in place.

Everything that holds the layer (the graph, attributes, lists, dicts, wrappers, several models at
once) still holds the same object, so that nothing has to be found and patched, and nothing can be
missed.
"""

import types
from typing import Any

import keras

from kerasnorm.models import _keras

_MARK = "_became_by_kerasnorm"


def become(layer: keras.Layer, new: keras.Layer) -> None:
    """Turns a layer into `new`, an unused layer of any class, which is not to be used after it.

    The layer keeps its identity and its place in graphs. If it is built, `new` is built for the
    same input, and under the same path, first: an error there leaves the layer as it was.
    """
    build_like(new, layer)
    place = _keras.place_of(layer)
    for value in vars(new).values():
        if isinstance(value, types.FunctionType):
            _rebind(value, new, layer)
    for node in _keras.nodes_into(layer):
        _keep_accepted(node, new)
    object.__setattr__(layer, "__class__", type(new))
    vars(layer).clear()
    vars(layer).update({**vars(new), **place, _MARK: True})


def build_like(new: keras.Layer, layer: keras.Layer) -> None:
    """Builds a new layer, if the other one is built, for the same input and under its path."""
    _keras.put_under_path_of(new, layer)
    if layer.built and not new.built:
        new.build_from_config(layer.get_build_config())


def has_become(layer: keras.Layer) -> bool:
    """Returns whether a layer is not what the code of its holder made."""
    return _MARK in vars(layer)


def _keep_accepted(node: Any, layer: keras.Layer) -> None:
    """Takes out of a call in a graph what the layer's `call` does not accept, such as `mask=None`.

    The graph would compute without it, and a file of it could not be loaded.
    """
    given = node.arguments
    kwargs = {k: v for k, v in given.kwargs.items() if k in layer.call_signature_parameters}
    if len(kwargs) < len(given.kwargs):
        node.arguments = type(given)(*given.args, **kwargs)


def _rebind(function: types.FunctionType, old: Any, new: Any) -> None:
    """Makes a wrapper that Keras has put around a method of `old` one of `new`."""
    for cell in function.__closure__ or ():
        value = cell.cell_contents
        if value is old:
            cell.cell_contents = new
        elif isinstance(value, types.MethodType) and value.__self__ is old:
            cell.cell_contents = types.MethodType(value.__func__, new)
