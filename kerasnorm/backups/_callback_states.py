"""Saves the state of callbacks over an interruption."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import keras

from kerasnorm.backups._describe import describe, made_with
from kerasnorm.backups._state_files import is_storable

_KNOWN = ("keras", "kerasnorm")  # whose callbacks keep all that they remember in attributes
_FROM_FIT = {"params", "_params", "_model", "model"}
_DECIDING = (
    keras.callbacks.EarlyStopping,
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.SwapEMAWeights,
)
States = dict[str, dict[str, Any]]


def states_of_callbacks(callbacks: Iterable[keras.callbacks.Callback]) -> States:
    """Returns the state of callbacks, by class and position.

    Those of Keras and this library have it in attributes; others return it by `state_dict()` and
    get it back by `load_state_dict(state)`, or start anew after an interruption.
    """
    return {name: _state_of(callback) for name, callback in _named(callbacks)}


def restore_callbacks(callbacks: Iterable[keras.callbacks.Callback], states: States) -> None:
    """Gives callbacks back what they remembered, once `on_train_begin` has reset them."""
    for name, callback in _named(callbacks):
        if name not in states:
            continue
        if hasattr(callback, "load_state_dict"):
            callback.load_state_dict(states[name])
        elif _is_known(callback):
            for attribute, value in states[name].items():
                setattr(callback, attribute, value)


def describe_callbacks(callbacks: Iterable[keras.callbacks.Callback]) -> list[Any]:
    """Describes the callbacks of Keras that decide the weights or where a training ends."""
    return [
        {"class": type(each).__name__, **{k: _unsigned(v) for k, v in made_with(each).items()}}
        for each in callbacks
        if isinstance(each, _DECIDING)
    ]


def _unsigned(value: Any) -> Any:
    """EarlyStopping turns the sign of its `min_delta` in training."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return abs(value) if is_number else describe(value)


def _named(
    callbacks: Iterable[keras.callbacks.Callback],
) -> Iterator[tuple[str, keras.callbacks.Callback]]:
    seen: Counter[str] = Counter()
    for callback in callbacks:
        cls = type(callback)
        name = f"{cls.__module__}.{cls.__qualname__}"
        yield f"{name} {seen[name]}", callback
        seen[name] += 1


def _state_of(callback: keras.callbacks.Callback) -> dict[str, Any]:
    if hasattr(callback, "state_dict"):
        return callback.state_dict()
    if not _is_known(callback):
        return {}
    left_out = _FROM_FIT | made_with(callback).keys()
    return {
        name: value
        for name, value in vars(callback).items()
        if name not in left_out and _is_state(value)
    }


def _is_state(value: Any) -> bool:
    """Returns whether a value may be what a callback remembers: no path, no function, no model."""
    return not isinstance(value, str) and is_storable(value)


def _is_known(callback: keras.callbacks.Callback) -> bool:
    """Returns whether a callback is of Keras or this library, or is derived from one of these."""
    bases = type(callback).__mro__
    return any(
        base.__module__.partition(".")[0] in _KNOWN and base is not keras.callbacks.Callback
        for base in bases
    )
