"""Copies models."""

import contextlib
import tempfile
import types
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.models import _keras
from kerasnorm.models._frozen import plain_class
from kerasnorm.models._leaves import Leaf, every_layer, leaves, sublayers

_ERRORS = (ValueError, TypeError, NotImplementedError, AttributeError, KeyError)


def copy_model(model: keras.Model) -> keras.Model:
    """Returns a model of new layers with the same configs, weights, states and flags, not compiled.

    Layers are made by their configs, as when a file is loaded, and built as those given are; what
    they then have of variables, vocabularies and `trainable` flags is copied layer by layer, which
    configs and files of custom layers and subclassed models do not always keep.

    Raises:
        ValueError: If the model is not built, or a layer that cannot be made again from its config
            is in it. The message has its path.
    """
    return copy_with_twins(model)[0]


def copy_with_twins(model: keras.Model) -> tuple[keras.Model, dict[int, Leaf]]:
    """Returns a copy, and what has become of each layer of the model in it, by the layer's id."""
    leaves(model)
    twins: dict[int, Leaf] = {}
    with _registered(_named_in(model)):
        try:
            copy = _again(model)
        except _ERRORS as error:
            raise ValueError(_why_not(model, error)) from error
        for old, new in _pairs(model, copy):
            _copy_state(old, new)
            twins.setdefault(id(old[-1]), Leaf(new))
    return copy, twins


def _again(layer: keras.Layer) -> keras.Layer:
    saved = _not_compiled(keras.saving.serialize_keras_object(layer))
    return keras.saving.deserialize_keras_object(saved, safe_mode=False)


def _not_compiled(saved: Any) -> Any:
    """Takes out how the models in a serialized object are compiled, for Keras would do it too."""
    if isinstance(saved, dict):
        kept = {key: value for key, value in saved.items() if key != "compile_config"}
        return {key: _not_compiled(value) for key, value in kept.items()}
    return [_not_compiled(item) for item in saved] if isinstance(saved, list) else saved


@contextlib.contextmanager
def _registered(named: dict[str, Any]) -> Iterator[None]:
    """Lets configs name objects; inside nested models what is registered outweighs scopes."""
    registry = keras.saving.get_custom_objects()
    before = {name: registry[name] for name in named if name in registry}
    registry.update(named)
    try:
        yield
    finally:
        for name in named:
            del registry[name]
        registry.update(before)


def _named_in(model: keras.Model) -> dict[str, Any]:
    """Returns the user's classes and functions that configs may name, registered or not."""
    found = {}
    for layer in (model, *(leaf.layer for leaf in every_layer(model))):
        values = [plain_class(layer), *vars(layer).values()]
        for value in values:
            if isinstance(value, types.FunctionType) and not hasattr(value, "__wrapped__"):
                found[value.__name__] = value
            cls = value if isinstance(value, type) else type(value)
            if hasattr(cls, "from_config") and cls.__module__.partition(".")[0] != "keras":
                # by the name it is registered under too: a notebook may have redefined it since
                found[cls.__name__] = found[keras.saving.get_registered_name(cls)] = cls
    return found


def _why_not(model: keras.Model, error: Exception) -> str:
    """Says which innermost layer cannot be made again."""
    path, cls = f"Model '{model.name}'", type(model).__name__
    for leaf in reversed(every_layer(model)):
        try:
            _again(leaf.layer)
        except _ERRORS as its:
            path, cls, error = f"The layer at '{leaf.path}'", plain_class(leaf.layer).__name__, its
            break
    reason = " ".join(str(error).split())
    return (
        f"{path} of class {cls} cannot be made again from its config, so the model cannot be "
        f"copied: {reason[:300]} Give {cls} a `get_config` (and `from_config`) that a saved model "
        "could be loaded with."
    )


def _pairs(
    model: keras.Model, copy: keras.Model
) -> Iterator[tuple[tuple[keras.Layer, ...], tuple[keras.Layer, ...]]]:
    """Yields the nodes down to each layer of a model and of its copy, which it builds."""
    twins: dict[int, keras.Layer] = {}

    def visit(olds: tuple[keras.Layer, ...], news: tuple[keras.Layer, ...]) -> Iterator:
        old, new = olds[-1], news[-1]
        if id(old) in twins:
            if twins[id(old)] is not new and old.weights:
                raise ValueError(
                    f"{_place(olds)} is also elsewhere in the model, in another model or custom "
                    "layer, and Keras makes two of it when it copies or loads such a model. Use "
                    "the shared layer in one model only, and share that."
                )
            return
        twins[id(old)] = new
        new.name = old.name  # that of an unnamed layer counts up
        if old.built and not new.built:
            new.build_from_config(old.get_build_config())
        inside = sublayers(old), sublayers(new)
        if len(inside[0]) != len(inside[1]) or plain_class(old) is not plain_class(new):
            raise ValueError(
                f"{_place(olds)} of class {plain_class(old).__name__} comes out as "
                f"{plain_class(new).__name__} with {len(inside[1])} layers inside in place of "
                f"{len(inside[0])} when it is made again from its config, so the model cannot be "
                "copied. Make the layers inside in `__init__` or `build`, from what `get_config` "
                "says."
            )
        yield olds, news
        for child, twin in zip(*inside, strict=True):
            yield from visit((*olds, child), (*news, twin))

    return visit((model,), (copy,))


def _place(nodes: tuple[keras.Layer, ...]) -> str:
    return f"The layer at '{Leaf(nodes).path}'"


def _copy_state(olds: tuple[keras.Layer, ...], news: tuple[keras.Layer, ...]) -> None:
    old, new = olds[-1], news[-1]
    store: dict[str, Any] = {}
    old.save_own_variables(store)
    arrays = {key: np.array(keras.ops.convert_to_numpy(value)) for key, value in store.items()}
    try:
        new.load_own_variables(arrays)
    except _ERRORS as error:
        raise ValueError(
            f"{_place(olds)} of class {plain_class(old).__name__} has other variables once it is "
            f"made again from its config, so the model cannot be copied: {error}"
        ) from error
    if hasattr(old, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            old.save_assets(folder)
            new.load_assets(folder)
    _keras.set_flag(new, _keras.flag_of(old))
    _keras.copy_paths(old, new)
    for variable, twin in zip(*map(_keras.own_trainable, (old, new)), strict=True):
        twin.trainable = variable.trainable
    if getattr(old, "outputs", None):
        for tensor, twin in zip(old.inputs, new.inputs, strict=True):
            twin.name = tensor.name  # Keras gives an unnamed input its layer's name
