"""Builds Keras 3 layers and models from the configs of Keras 2."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras

from kerasnorm.migrate._addons_layers import ADDONS
from kerasnorm.migrate._custom import Custom
from kerasnorm.migrate._custom_layers import make_custom
from kerasnorm.migrate._keras_layers import KERAS_2, Config, Shape, accepted, arguments_of
from kerasnorm.migrate._lambdas import make_lambda
from kerasnorm.migrate._objects import argument
from kerasnorm.migrate._operations import OPERATIONS, make_operation
from kerasnorm.migrate._refusals import naming, unknown
from kerasnorm.migrate._values import Saved, as_saved, expect, new_name
from kerasnorm.models import set_trainable, with_inside

MODELS = ("Functional", "Model", "Sequential")
_INSIDE = ("layer", "backward_layer", "cell")  # arguments that are layers
_HOLDERS = {
    "Bidirectional": keras.layers.Bidirectional,
    "RNN": keras.layers.RNN,
    "StackedRNNCells": keras.layers.StackedRNNCells,
    "TimeDistributed": keras.layers.TimeDistributed,
}
_RECURRENT = (keras.layers.RNN, keras.layers.Bidirectional)


@dataclass
class Builder:
    """Builds layers, and records what each was built from.

    Attributes:
        make_model: Makes a model of what a file says of it, with this builder.
        custom: The user's own classes and functions.
        safe_mode: Whether Lambda layers are refused.
        old_classes: What the file calls a layer's class, by the layer's id.
        old_orders: A model's layers in the file's order, by the model's id.
        translated: The path of each layer, the class it had and the one it has.
        still: Layers that the file calls with `training=False`.
        set_aside: Layers that classes of the user have in their configs, kept for their ids.
    """

    make_model: Callable[["Builder", Saved, str, Shape], keras.Model]
    custom: Custom = field(default_factory=Custom)
    safe_mode: bool = True
    old_classes: dict[int, str] = field(default_factory=dict)
    old_orders: dict[int, list[keras.Layer]] = field(default_factory=dict)
    translated: list[tuple[str, str, str]] = field(default_factory=list)
    still: list[keras.Layer] = field(default_factory=list)
    set_aside: list[keras.Layer] = field(default_factory=list)

    def make_layer(self, saved: Saved, path: str, shape: Shape) -> keras.Layer:
        """Returns an unbuilt layer, or a model.

        Args:
            saved: What the file says of it.
            path: Its own name after those of the models that it is in.
            shape: Of the input that it is to be called with.
        """
        given = self.custom.find(saved.name)
        if saved.name in MODELS or is_model(given, saved):
            return self.make_model(self, saved, path, shape)
        name = path.rpartition("/")[2]
        with naming(path, saved.name):
            if not isinstance(saved.config.get("trainable", True), bool):
                raise ValueError("Its argument `trainable` should be a bool.")
            if given is not None:
                inside = functools.partial(self._make_inside, path)
                layer = make_custom(given, saved, name, self.custom, inside)
            elif saved.name == "Lambda":
                layer = make_lambda(saved.config, name, self.safe_mode, self.custom.find)
            elif saved.name == "TFOpLambda":
                if saved.config.get("function") not in OPERATIONS:
                    raise ValueError(unknown(saved.name))
                layer = make_operation(saved.config, name)
            else:
                cls, config = self._translate(saved, path, shape)
                config = accepted(cls, {**config, "name": name}, arguments_of(cls))
                trainable = config.pop("trainable", True)
                layer = cls(**config)
                set_trainable(layer, trainable, inside=False)
        self.remember(layer, saved, path)
        return layer

    def remember(self, layer: keras.Layer, saved: Saved, path: str) -> None:
        name = saved.name.partition(">")[2] or saved.name
        self.old_classes[id(layer)] = name
        package = type(layer).__module__.partition(".")[0]
        self.translated.append((path, saved.name, f"{package}.{type(layer).__name__}"))

    def call(self, layer: keras.Layer, inputs: Any, kwargs: dict[str, Any]) -> Any:
        """Returns what a layer gives for its first argument and others by name.

        Raises:
            ValueError: If it is called as no model of Keras 3 can call it.
        """
        kwargs = {key: value for key, value in kwargs.items() if not _is_none(value)}
        if isinstance(layer, _RECURRENT) and isinstance(inputs, list):
            inputs, *kwargs["initial_state"] = inputs
            _check_states(layer, len(kwargs["initial_state"]))
        training = kwargs.pop("training", None)
        if training is not None and any(map(_minds_training, with_inside(layer))):
            if training:
                raise ValueError(
                    "It is called with `training=True`, which `predict` and `fit` of Keras 3 "
                    "ignore. Rebuild the model and use `load_tfa_weights`."
                )
            self.still.append(layer)
        return layer(inputs, **kwargs)

    def _make_inside(self, path: str, key: str, value: dict[str, Any]) -> keras.Layer | None:
        """Returns the layer that an argument of a user's class describes, None if it is none."""
        name, config = value.get("class_name"), value.get("config")
        if not isinstance(name, str) or not isinstance(config, (dict, list)):
            return None
        saved = as_saved(value, f"The {key} of layer '{path}'")
        try:
            if saved.name not in MODELS and self.custom.find(saved.name) is None:
                _translator(saved.name)
        except ValueError:
            return None  # no layer, perhaps: the class may know it
        layer = self.make_layer(saved, _inside(path, saved), None)
        self.set_aside.append(layer)
        return layer

    def _translate(self, saved: Saved, path: str, shape: Shape) -> tuple[type, Config]:
        translate = _translator(saved.name)
        config = {}
        for key, value in saved.config.items():
            if key in _INSIDE and value is not None:
                inner = as_saved(value, f"The {key} of layer '{path}'")
                config[key] = self.make_layer(
                    inner, _inside(path, inner), _inner_shape(saved, shape)
                )
            elif key == "cells":
                cells = [as_saved(cell, "A cell") for cell in expect(value, list, "`cells`")]
                config[key] = [self.make_layer(cell, _inside(path, cell), None) for cell in cells]
            elif key.endswith("activation") and _is_activation_layer(value):
                inner = as_saved(value, f"The {key} of layer '{path}'")
                config[key] = self.make_layer(inner, _inside(path, inner), None)
            elif key != "name":
                config[key] = argument(key, value, self.custom.find)
        return translate(config, shape)


def _translator(name: str) -> Any:
    package, _, addon = name.partition(">")
    if package == "Addons" and addon in ADDONS:
        return ADDONS[addon]
    if name in KERAS_2:
        return KERAS_2[name]
    if name in _HOLDERS:
        return lambda config, shape: (_HOLDERS[name], config)
    raise ValueError(unknown(name))


def is_model(given: Any, saved: Saved) -> bool:
    """Returns whether a class of the user is one of models made as functional ones are."""
    return (
        isinstance(given, type)
        and issubclass(given, keras.Model)
        and isinstance(saved.config.get("layers"), list)
    )


# activations that are layers; one with weights is nobody's
_ACTIVATION_LAYERS = ("ELU", "LeakyReLU", "ReLU", "Softmax", "ThresholdedReLU")


def _is_activation_layer(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") in _ACTIVATION_LAYERS


def _inside(path: str, saved: Saved) -> str:
    return f"{path}/{new_name(expect(saved.config.get('name'), str, 'A name'))}"


def _inner_shape(saved: Saved, shape: Shape) -> Shape:
    if saved.name == "TimeDistributed" and isinstance(shape, tuple):
        return (shape[0], *shape[2:])
    return shape if "Normalization" in saved.name else None


def _is_none(value: Any) -> bool:
    """Returns whether an argument of a call is none, or a list of none: no masks."""
    return value is None or (isinstance(value, list) and all(map(_is_none, value)))


def _check_states(layer: keras.Layer, given: int) -> None:
    both = isinstance(layer, keras.layers.Bidirectional)
    sizes = keras.tree.flatten((layer.forward_layer if both else layer).state_size)
    wanted = len(sizes) * (1 + both)
    if given not in (0, wanted):
        raise ValueError(f"It should be called with {wanted} initial states. Received: {given}.")


def _minds_training(layer: keras.Layer) -> bool:
    known = "training" in layer.call_signature_parameters
    return known and not isinstance(layer, (keras.Model, keras.layers.Wrapper, keras.layers.RNN))
