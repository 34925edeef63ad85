"""Sets γ and β of new layers so that each channel keeps its mean and standard deviation."""

import contextlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnorm.data import input_batches
from kerasnorm.models import Leaf, other_calls
from kerasnorm.surgery._kinds import build_shape
from kerasnorm.surgery._population import Population
from kerasnorm.surgery._report import Report
from kerasnorm.surgery._translate import channel_axis

_CONSTANT = 1e-6  # a deviation that is none, of values normalized to about 1


def calibrate(
    old: keras.Model,
    new: keras.Model,
    pairs: list[tuple[Leaf, Leaf]],
    dataset: Any,
    report: Report,
) -> None:
    """Sets γ and β of the new layers, front to back.

    All examples run as one batch, so that one pass is enough: a layer is set before its output is
    used. A layer with several calls is set from all of them after a pass of its own.

    Args:
        old: The original model, which is unchanged.
        new: The model with other layers, changed in place.
        pairs: Each replaced layer and the one in its place.
        dataset: See `replace_normalization`.
        report: Gets the paths, and the reasons for layers that are left out.
    """
    pairs = [pair for pair in pairs if _can_be_set(pair[1], report)]
    x = _one_batch(old, dataset)
    populations, calls = [Population() for _ in pairs], [0] * len(pairs)

    def note(place: int, y: np.ndarray) -> None:
        calls[place] += 1
        _add(populations[place], y)

    with _watching([leaf for leaf, _ in pairs], note):
        old(x, training=False)
    layers = [leaf for _, leaf in pairs]
    signs = [np.sign(_value(leaf.layer.gamma)) for leaf in layers]
    waiting = {place for place, count in enumerate(calls) if count}
    for place in waiting:
        layers[place].layer.gamma.assign(np.ones_like(signs[place]))
        layers[place].layer.beta.assign(np.zeros_like(signs[place]))
    while waiting:
        done = _set_until_shared(new, x, layers, signs, populations, calls, waiting)
        waiting -= done
    for place, leaf in enumerate(layers):
        if calls[place]:
            report.calibrated.append(leaf.path)
        else:
            report.not_calibrated[leaf.path] = "No example reaches it."


def _set_until_shared(
    new: keras.Model,
    x: Any,
    layers: list[Leaf],
    signs: list[np.ndarray],
    targets: list[Population],
    calls: list[int],
    waiting: set[int],
) -> set[int]:
    """Runs the model once, and returns the layers set: up to the first one with several calls."""
    done: set[int] = set()
    shared: dict[int, Population] = {}

    def set_or_note(place: int, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        if place not in waiting or place in done or (shared and place not in shared):
            return None
        if calls[place] > 1:
            _add(shared.setdefault(place, Population()), y)
            return None
        found = Population()
        _add(found, y)
        done.add(place)
        return _assign(layers[place].layer, targets[place], found, signs[place])

    with _watching(layers, set_or_note):
        new(x, training=False)
    for place, found in shared.items():
        _assign(layers[place].layer, targets[place], found, signs[place])
    return done | set(shared)


def _assign(
    layer: keras.Layer, target: Population, found: Population, sign: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sets γ and β, and returns them; a channel with a negative γ keeps its sign."""
    before, now = np.sqrt(target.variance()), np.sqrt(found.variance())
    varies = now > _CONSTANT
    gamma = np.where(sign < 0, -1.0, 1.0).reshape(-1) * np.divide(
        before, now, out=np.zeros_like(before), where=varies
    )
    beta = target.mean - gamma * found.mean
    for variable, value in ((layer.gamma, gamma), (layer.beta, beta)):
        variable.assign(value.reshape(variable.shape).astype("float32"))
    return gamma, beta


def _watching(
    leaves: list[Leaf], see: Callable[[int, np.ndarray], Any]
) -> contextlib.AbstractContextManager[None]:
    """Passes the output of each call to `see`; if that returns something, computes it again."""
    layers = [leaf.layer for leaf in leaves]
    return other_calls(layers, lambda place, layer: _watched(layer, place, see))


def _watched(layer: keras.Layer, place: int, see: Callable[[int, np.ndarray], Any]) -> Any:
    rank = len(build_shape(layer))
    axis = channel_axis(layer, rank) % rank
    call = layer.call

    def watched(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        y = call(inputs, *args, **kwargs)
        values = np.moveaxis(_value(y).astype("float64"), axis, -1)
        mask = kwargs.get("mask")
        if see(place, values if mask is None else values[_value(mask).astype(bool)]) is None:
            return y
        return call(inputs, *args, **kwargs)  # with the new γ and β

    return watched


def _add(population: Population, y: np.ndarray) -> None:
    flat = y.reshape(-1, y.shape[-1])
    population.add(flat.mean(axis=0), flat.var(axis=0), np.array(len(flat)))


def _can_be_set(leaf: Leaf, report: Report) -> bool:
    layer, reason = leaf.layer, None
    if leaf.in_recurrent:
        reason = "It is inside a recurrent layer, whose steps cannot be looked at one by one."
    elif getattr(layer, "gamma", None) is None or getattr(layer, "beta", None) is None:
        reason = "It has no γ or no β to set (scale=False or center=False)."
    else:
        size = build_shape(layer)[channel_axis(layer, len(build_shape(layer)))]
        if int(np.prod(layer.gamma.shape)) != size:
            reason = "Its γ is not one value per channel."
    if reason is not None:
        report.not_calibrated[leaf.path] = reason
    return reason is None


def _one_batch(model: keras.Model, dataset: Any) -> Any:
    batches = list(input_batches(model, dataset, None))
    return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)


def _value(tensor: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(tensor)
