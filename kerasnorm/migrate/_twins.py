"""Describes the weights that Keras 2 and TensorFlow Addons keep in each kind of layer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerasnorm import normalization as norms
from kerasnorm.migrate._addons_spectral_normalization import AddonsSpectralNormalization
from kerasnorm.migrate._addons_tlu import AddonsTLU
from kerasnorm.migrate._attributes import held_by_attributes, is_custom, names_by_attributes
from kerasnorm.migrate._cudnn import adapter_of
from kerasnorm.migrate._plan import Plan
from kerasnorm.models import own_non_trainable, own_trainable, plain_class
from kerasnorm.normalization import KernelWrapper

Fit = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Slot:
    """A weight of an old layer.

    Attributes:
        names: What the file may call it, without the layer's.
        variable: Where it belongs; None for what is in the file only.
        trains: Whether it is among the layer's trainable weights when the layer is not frozen.
        fit: Brings what the file has into the variable's shape.
    """

    names: tuple[str, ...]
    variable: keras.Variable | None
    trains: bool
    fit: Fit | None = None


@dataclass(eq=False)
class Twin:
    """An old layer, seen from the new one.

    Attributes:
        layer: The new one.
        path: Its name after those of the models that it is in.
        old_class: What the file calls the class.
        slots: Its own weights in the old order.
        children: The layers that it holds, by the old name of the attribute.
        keys: What leads to the layers of a list inside its attribute, if not their numbers.
        settle: What is left to do once its weights are known, by the plan.
        adapt: Brings what the file has for its own weights into the form of the new layer's.
    """

    layer: keras.Layer
    path: str
    old_class: str
    slots: list[Slot] = field(default_factory=list)
    children: dict[str, "Twin | list[Twin]"] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    settle: Callable[[Plan, dict[str, np.ndarray]], None] | None = None
    adapt: Callable[[dict[Slot, np.ndarray]], dict[Slot, np.ndarray]] | None = None

    def inside(self) -> list["Twin"]:
        """Returns the twins of the layers directly inside."""
        found = []
        for child in self.children.values():
            found += child if isinstance(child, list) else [child]
        return found

    def every(self) -> Iterator["Twin"]:
        """Yields this twin and those inside at any depth."""
        yield self
        for twin in self.inside():
            yield from twin.every()

    def every_slot(self) -> Iterator[Slot]:
        for twin in self.every():
            yield from twin.slots


def make_twin(
    layer: keras.Layer,
    path: str = "",
    old_classes: dict[int, str] | None = None,
    orders: dict[int, list[keras.Layer]] | None = None,
) -> Twin:
    """Returns the twin of a built layer or model.

    Args:
        layer: The layer.
        path: Its name after those of the models that it is in; "" for the outermost.
            Defaults to "".
        old_classes: The old classes by the ids of layers, where they are not those of the new.
            Defaults to None.
        orders: The layers of models in the old order, by the ids of the models. Defaults to None.
    """
    classes, orders = old_classes or {}, orders or {}
    cls = plain_class(layer)
    old = _OLD_NAMES.get(cls, cls.__name__)
    twin = Twin(layer, path, classes.get(id(layer), old), _own_slots(layer))

    def make(child: keras.Layer, name: str = "") -> Twin:
        inner = f"{path}/{name or child.name}".lstrip("/")
        return make_twin(child, inner, classes, orders)

    if isinstance(layer, keras.Model):
        order = orders.get(id(layer), layer.layers)
        twin.children["layers"] = [make(child) for child in order]
    elif is_custom(layer):
        for attribute, held in held_by_attributes(layer).items():
            twins = [make(child) for child in held.values()]
            twin.children[attribute] = twins[0] if "" in held else twins
            twin.keys[attribute] = [*held]
        return twin
    for kind, attributes in _HELD.items():
        if isinstance(layer, kind):
            for old_attribute, attribute in attributes.items():
                child = getattr(layer, attribute)
                twin.children[old_attribute] = (
                    [make(cell) for cell in child] if isinstance(child, list) else make(child)
                )
            break
    if isinstance(layer, KernelWrapper):
        _wrap(twin)
    adapt = adapter_of(layer)
    if adapt:
        twin.adapt = _by_slots(adapt)
    return twin


def _by_slots(adapt: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Any:
    def adapt_slots(arrays: dict[Slot, np.ndarray]) -> dict[Slot, np.ndarray]:
        changed = adapt({slot.names[0]: array for slot, array in arrays.items()})
        return {slot: changed[slot.names[0]] for slot in arrays}

    return adapt_slots


_HELD: dict[type, dict[str, str]] = {
    keras.layers.Bidirectional: {
        "forward_layer": "forward_layer",
        "backward_layer": "backward_layer",
    },
    keras.layers.RNN: {"cell": "cell"},
    keras.layers.StackedRNNCells: {"cells": "cells"},
    keras.layers.Wrapper: {"layer": "layer"},
    keras.layers.MultiHeadAttention: {
        f"_{name}": name for name in ("query_dense", "key_dense", "value_dense", "output_dense")
    },
    norms.LayerNormLSTMCell: {
        name: name for name in ("kernel_norm", "recurrent_norm", "state_norm")
    },
}
_OLD_NAMES = {
    AddonsTLU: "TLU",
    AddonsSpectralNormalization: "SpectralNormalization",
    norms.SyncBatchNormalization: "SyncBatchNormalization",
}
_ALIASES = {
    keras.layers.DepthwiseConv1D: {"kernel": "depthwise_kernel"},
    keras.layers.DepthwiseConv2D: {"kernel": "depthwise_kernel"},
}


def _own_slots(layer: keras.Layer) -> list[Slot]:
    aliases = next((each for cls, each in _ALIASES.items() if isinstance(layer, cls)), {})
    others = names_by_attributes(layer) if is_custom(layer) else {}
    slots = [
        Slot((aliases.get(v.name, v.name), *others.get(id(v), ())), v, trains, _fit_of(layer))
        for trains, variables in (
            (True, own_trainable(layer)),
            (False, own_non_trainable(layer)),
        )
        for v in variables
    ]
    if isinstance(layer, norms.FilterResponseNormalization) and layer.learned_epsilon:
        slots = [slots[-1], *slots[:-1]]  # which is TFA's first
    return slots


def _fit_of(layer: keras.Layer) -> Fit | None:
    if isinstance(layer, norms.FilterResponseNormalization):
        return lambda array: array.reshape(-1) if array.shape[:3] == (1, 1, 1) else array
    if isinstance(layer, norms.TLU) and not isinstance(layer, AddonsTLU):
        return _one_a_channel
    return None


def _one_a_channel(array: np.ndarray) -> np.ndarray:
    rows = array.reshape(-1, array.shape[-1]) if array.ndim else array
    return rows[0] if array.ndim > 1 and len(rows) and (rows == rows[0]).all() else array


def _wrap(twin: Twin) -> None:
    """TensorFlow Addons' wrappers hold the kernel themselves, too or instead of the layer."""
    wrapper, inner = twin.layer, twin.children["layer"]
    weight = isinstance(wrapper, norms.WeightNormalization)
    if len(wrapper.kernel_parameters) != 1 or not isinstance(
        wrapper, (norms.WeightNormalization, norms.SpectralNormalization)
    ):
        return
    kernel = wrapper.kernel_parameters[0].variable(wrapper.layer)
    (slot,) = [slot for slot in inner.every_slot() if slot.variable is kernel]
    held = Slot(("v" if weight else "w", *slot.names), kernel, True)
    inner.slots = [held if each is slot else each for each in inner.slots]
    if weight:
        inner.slots.remove(held)
        flag = Slot(("initialized",), None, False)
        twin.slots = [Slot(("g",), wrapper.g, True), held, flag]
        twin.settle = _settle_weight_normalization(wrapper, kernel)
    else:
        twin.slots = [held, Slot(("sn_u", "vector_u", "u"), wrapper._vectors[0], False)]


def _settle_weight_normalization(wrapper: Any, kernel: keras.Variable) -> Any:
    def settle(plan: Plan, unplaced: dict[str, np.ndarray]) -> None:
        """A layer that was never called in TFA has no lengths yet: they are those of its kernel."""
        called = bool(np.all(unplaced["initialized"]))
        if not called:
            v = plan.value(kernel).astype("float64")
            length = np.sqrt(np.square(v).sum(axis=tuple(range(v.ndim - 1))))
            plan.replace(wrapper.g, length)
        for variable in wrapper.non_trainable_variables:
            if variable.name == "initialized":
                plan.replace(variable, np.array(called))

    return settle
