"""Translates a normalization layer to another: its arguments, weights and flags."""

import math
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm import normalization as norms
from kerasnorm._validation import listed
from kerasnorm.models import (
    become,
    build_like,
    flag_of,
    has_statistics,
    is_given_mask,
    own_trainable,
    plain_config,
    set_statistics,
    statistics_set,
)
from kerasnorm.normalization import RENORM_STATISTICS, choose_groups
from kerasnorm.surgery._kinds import BATCH, build_shape, kind_of

_PARAMETERS = ("gamma", "beta")
_STATISTICS = ("moving_mean", "moving_variance")
_CARRIED = (
    *("renorm", "renorm_clipping", "renorm_momentum"),
    *("name", "trainable", "dtype", "epsilon", "center", "scale", "momentum", "unbiased"),
    *(f"{name}_{kind}" for name in _PARAMETERS for kind in ("initializer", "regularizer")),
    *(f"{name}_constraint" for name in _PARAMETERS),
    *(f"{name}_initializer" for name in _STATISTICS),
)
# what the kinds of one family mean by their moving statistics is the same
_FAMILIES = {**dict.fromkeys((*BATCH, "switchable"), "batch"), "instance": "instance"}


@dataclass(frozen=True)
class Target:
    """The normalization asked for.

    Attributes:
        template: A layer of the class, never used.
        given: The arguments that the user chose; all others may come from the layer replaced.
    """

    template: keras.Layer
    given: dict[str, Any]

    def is_met_by(self, layer: keras.Layer) -> bool:
        """Returns whether a layer is of the very class and has the arguments given."""
        if not isinstance(layer, type(self.template)) or kind_of(layer) != kind_of(self.template):
            return False
        config, wanted = layer.get_config(), self.template.get_config()
        return all(config.get(key) == wanted[key] for key in self.given if key in wanted)


def as_target(to: Any, arguments: dict[str, Any]) -> Target:
    """Reads the arguments of `replace_normalization`; ValueError if they are no normalization."""
    try:
        if isinstance(to, type) and issubclass(to, keras.Layer):
            return Target(to(**arguments), arguments)
        template = norms.get(to, **arguments)
    except TypeError as error:
        raise ValueError(
            f"There is no such normalization, {to!r} with {arguments}: {error}"
        ) from error
    if template is None:
        raise ValueError(
            f"`to` should be one of {listed(norms.names())}, a configuration, a layer or its "
            "class. Received: to=None."
        )
    if template is to:
        given = template.get_config()
        left = ("name", "trainable", "dtype", *(["axis"] if given.get("axis") == -1 else []))
        return Target(template, {key: given[key] for key in given if key not in left})
    config = to.get("config", {}) if isinstance(to, dict) else {}
    return Target(template, {**config, **arguments})


def translate(old: keras.Layer, target: Target) -> keras.Layer:
    """Returns a new, built layer as `target` says, as the old one where it says nothing.

    Raises:
        ValueError: If the new layer cannot replace the old one. The message says why.
    """
    known, before = target.template.get_config(), old.get_config()
    config = {key: before[key] for key in _CARRIED if key in known and key in before}
    config |= {key: value for key, value in target.given.items() if key != "name"}
    shape = build_shape(old)
    if "axis" in known and "axis" not in target.given and known.get("normalized_shape") is None:
        config["axis"] = channel_axis(old, len(shape))
    if kind_of(target.template) == "group" and config.get("group_size") is None:
        wanted = before.get("groups", known["groups"])
        wanted = target.given.get("groups", wanted)
        config["groups"] = _fitting_groups(wanted, shape, config["axis"])
    new = type(target.template).from_config(config)
    if is_given_mask(old) and "mask" not in new.call_signature_parameters:
        raise ValueError(f"It gets a mask, and {type(new).__name__} takes none.")
    build_like(new, old)
    for variable, twin in _common(old, new):
        if tuple(variable.shape) != tuple(twin.shape):
            raise ValueError(
                f"Its {variable.name} has the shape {tuple(variable.shape)}, and the new one's "
                f"would have {tuple(twin.shape)}."
            )
    return new


def channel_axis(layer: keras.Layer, rank: int) -> int:
    """Returns the axis of γ and β, as the layer's own argument has it.

    Raises:
        ValueError: If it has several.
    """
    axes = getattr(layer, "normalized_shape", None) or layer.axis
    axes = [axes] if isinstance(axes, int) else list(axes)
    if getattr(layer, "normalized_shape", None) and len(axes) == 1:
        return rank - 1
    if len(axes) != 1:
        raise ValueError(f"It normalizes {len(axes)} axes at once, and has no single channel axis.")
    return axes[0]


def _fitting_groups(wanted: int, shape: tuple[int | None, ...], axis: int) -> int:
    """Returns the largest divisor of the channels up to `wanted` with more than one value each."""
    channels = shape[axis]
    if wanted == -1 or channels is None:
        return wanted
    positions = [size for index, size in enumerate(shape) if index not in (0, axis % len(shape))]
    one = None not in positions and math.prod(positions) == 1
    return choose_groups(channels, min(wanted, max(channels // 2, 1)) if one else wanted)


def put_in_place(old: keras.Layer, new: keras.Layer) -> None:
    """Turns `old` into `new` with its γ, β, flags and, where they mean the same, its statistics."""
    for variable, twin in _common(old, new):
        twin.assign(keras.ops.convert_to_numpy(variable))
    flags = {variable.name: variable.trainable for variable in own_trainable(old)}
    train = any(flags.values()) if flags else flag_of(old)
    for variable in own_trainable(new):
        variable.trainable = flags.get(variable.name, train)
    moving = statistics_set(old)
    become(old, new)
    if moving is not None and has_statistics(old):
        set_statistics(old, moving)


def _common(old: keras.Layer, new: keras.Layer) -> list[tuple[keras.Variable, keras.Variable]]:
    """Returns the pairs of variables whose values the new layer takes over."""
    names = _PARAMETERS
    if _FAMILIES.get(kind_of(old), old) == _FAMILIES.get(kind_of(new), new):
        names += _STATISTICS + RENORM_STATISTICS
    pairs = [(getattr(old, name, None), getattr(new, name, None)) for name in names]
    return [pair for pair in pairs if all(variable is not None for variable in pair)]


def shared_twin(layer: keras.layers.BatchNormalization) -> norms.BatchNormalization:
    """Returns our layer with the arguments and the very variables of Keras' one."""
    config = plain_config(layer)
    known = norms.BatchNormalization().get_config()
    carried = {key: config[key] for key in (*_CARRIED, "axis") if key in config and key in known}
    twin = norms.BatchNormalization.from_config(carried)
    twin.built = True
    renorm = RENORM_STATISTICS if twin.renorm else ()
    names = (*_PARAMETERS, *_STATISTICS, *renorm)
    vars(twin).update({name: getattr(layer, name) for name in names})
    return twin
