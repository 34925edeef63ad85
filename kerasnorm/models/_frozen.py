"""Keeps frozen layers frozen in `fit` and in files.

Keras has no word for statistics that stay still while γ and β train, nor for the reverse, and some
configs do not write the flags of the layers inside (custom layers, subclassed models,
MultiHeadAttention), nor that one of these has become another layer. All is kept by giving the
instance a subclass of its class, of the same name, as `torch.nn.utils.parametrize` does. The
object, its weights, its place in the graph and the keys of its weights in files stay as they are;
its config says besides what is frozen, and what has become another layer.
"""

import functools
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import keras

from kerasnorm.models import _keras
from kerasnorm.models._become import become, has_become
from kerasnorm.models._leaves import has_statistics, package_of, sublayers

_KEY = "frozen_by_kerasnorm"
_LAYER = "layer"  # of the flags of a layer that has become another than its holder makes
_RECURRENT = (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU, keras.layers.SimpleRNN)
_OURS = ("keras", "kerasnorm")
# The layer whose `call` is running; replicas of a model run in threads, each with its own.
_called: ContextVar[keras.Layer | None] = ContextVar("_called", default=None)


@keras.saving.register_keras_serializable(package="kerasnorm")
class Frozen(_keras.AfterBuild):
    """Mixin: the config carries the flags of all layers inside, and what has become of them."""

    _plain: type[keras.Layer]
    _moving: bool | None = None
    _pending: dict[str, Any] | None = None

    def get_config(self) -> dict[str, Any]:
        kept = type(self)
        _set_class(self, self._plain)
        try:
            saved = keras.saving.serialize_keras_object(self)
        finally:
            _set_class(self, kept)
        keys = ("module", "class_name", "registered_name", "build_config")
        origin = {key: saved[key] for key in keys if key in saved}
        return {**saved["config"], _KEY: {"layer": origin, "flags": _read_flags(self)}}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> keras.Layer:
        config = dict(config)
        kept = config.pop(_KEY)
        layer = keras.saving.deserialize_keras_object({**kept["layer"], "config": config})
        _write_flags(layer, kept["flags"])
        return layer

    def _after_build(self) -> None:
        if self._pending is not None:
            flags = self._pending
            object.__setattr__(self, "_pending", None)
            _write_flags(self, flags)


class FrozenStatistics(Frozen):
    """Mixin: normalizes with the moving statistics, which stay still whatever `training` says."""

    _moving = False

    def call(self, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        return super().call(*args, training=False, **kwargs)


class MovingStatistics(Frozen):
    """Mixin: the moving statistics move although `trainable` is False: a call sees it as True."""

    _moving = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        token = _called.set(self)
        try:
            return super().call(*args, **kwargs)
        finally:
            _called.reset(token)

    @property
    def trainable(self) -> bool:
        return _keras.flag_of(self) or _called.get() is self

    @trainable.setter
    def trainable(self, value: bool) -> None:
        keras.Layer.trainable.fset(self, value)


_MIXINS = {mixin._moving: mixin for mixin in (Frozen, FrozenStatistics, MovingStatistics)}


def set_statistics(layer: keras.Layer, moving: bool | None) -> None:
    """Makes a layer's statistics move or not whatever its `trainable`, or (None) follow that."""
    plain = plain_class(layer)
    keep = moving is not None or not _writes_flags(layer)
    _set_class(layer, _subclass(_MIXINS[moving], plain) if keep else plain)


def statistics_set(layer: keras.Layer) -> bool | None:
    """Returns what `set_statistics` has set."""
    return layer._moving if isinstance(layer, Frozen) else None


def statistics_move(layer: keras.Layer) -> bool:
    """Returns whether `fit` moves the statistics of a layer that has some."""
    moving = statistics_set(layer)
    return (layer.trainable or ignores_trainable(layer)) if moving is None else moving


def ignores_trainable(layer: keras.Layer) -> bool:
    """Returns whether `trainable=False` may be too little to keep the layer's weights still.

    Keras' SpectralNormalization rewrites a frozen kernel; somebody's layer with moving statistics
    may update them without a look at `trainable`.
    """
    foreign = package_of(plain_class(layer)) not in _OURS
    rewrites = isinstance(layer, keras.layers.SpectralNormalization)
    return rewrites or (foreign and has_statistics(layer))


def plain_class(layer: keras.Layer) -> type[keras.Layer]:
    """Returns the class that the layer was made of."""
    return layer._plain if isinstance(layer, Frozen) else type(layer)


def plain_config(layer: keras.Layer) -> dict[str, Any]:
    """Returns the config of the layer's own class, without what is frozen."""
    return {key: value for key, value in layer.get_config().items() if key != _KEY}


def origin_of(layer: keras.Layer) -> dict[str, Any]:
    """Returns what an unbuilt layer of the same class and config can be made of."""
    saved = keras.saving.serialize_keras_object(layer)
    return {key: value for key, value in saved.items() if key != "build_config"}


def remember(nodes: Iterable[keras.Layer]) -> None:
    """Lets the flags inside these layers survive a file, where their configs would lose them."""
    for node in nodes:
        set_statistics(node, statistics_set(node))


def _set_class(layer: keras.Layer, cls: type) -> None:
    object.__setattr__(layer, "__class__", cls)


@functools.cache
def _subclass(mixin: type[Frozen], plain: type[keras.Layer]) -> type:
    content = {"__module__": __name__, "__doc__": plain.__doc__, "_plain": plain}
    cls = type(plain.__name__, (mixin, plain), content)
    # All are registered by one name: `from_config` does not look at which of them it was found.
    return keras.saving.register_keras_serializable(package="kerasnorm", name="Frozen")(cls)


def _writes_flags(layer: keras.Layer) -> bool:
    """Returns whether the layer's own config carries the flags of all that is inside it."""
    plain = plain_class(layer)
    package = package_of(plain)
    wrapper = isinstance(layer, (keras.layers.Wrapper, keras.layers.Bidirectional))
    if wrapper or not sublayers(layer):
        return package in _OURS
    return package == "keras" and (isinstance(layer, keras.Model) or plain in _RECURRENT)


def _read_flags(layer: keras.Layer) -> dict[str, Any]:
    return {
        "trainable": layer.trainable,
        "own": any(variable.trainable for variable in _keras.own_trainable(layer)),
        "moving": statistics_set(layer),
        "layers": [
            {**_read_flags(child), **({_LAYER: origin_of(child)} if has_become(child) else {})}
            for child in sublayers(layer)
        ],
    }


def _write_flags(layer: keras.Layer, flags: dict[str, Any]) -> None:
    if _LAYER in flags:
        flags = dict(flags)
        become(layer, keras.saving.deserialize_keras_object(flags.pop(_LAYER)))
    _keras.set_flag(layer, flags["trainable"])
    if not layer.built:  # its variables, and maybe its layers, come with `build`
        _set_class(layer, _subclass(_MIXINS[flags["moving"]], plain_class(layer)))
        object.__setattr__(layer, "_pending", flags)
        return
    set_statistics(layer, flags["moving"])
    if not flags["own"]:
        for variable in _keras.own_trainable(layer):
            variable.trainable = False
    children = sublayers(layer)
    if len(children) != len(flags["layers"]):
        raise ValueError(
            f"Layer '{layer.name}' was saved with {len(flags['layers'])} layers inside. Received: "
            f"{len(children)}. Load it with the code of {plain_class(layer).__name__} that it was "
            "saved with."
        )
    for child, inner in zip(children, flags["layers"], strict=True):
        _write_flags(child, inner)
