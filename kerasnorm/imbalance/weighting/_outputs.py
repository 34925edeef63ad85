"""Handles the labels of one output, or of several in a dict or a sequence, and their weights."""

from collections.abc import Callable, Sequence
from typing import Any

from kerasnorm._validation import check_choice


def leaves(batch: Any) -> list[Any]:
    """Returns the labels and weights of (x, y) or (x, y, w), w for all outputs or for each.

    None of what is something else.
    """
    if not isinstance(batch, tuple) or len(batch) not in (2, 3):
        return []
    outputs, *weights = map(by_name, batch[1:])
    if any(each.keys() not in ({None}, outputs.keys()) for each in weights):
        return []
    return [leaf for part in (outputs, *weights) for leaf in part.values()]


def by_name(part: Any) -> dict[Any, Any]:
    """Returns what there is of each output; under None if that is one thing for all."""
    if isinstance(part, (tuple, list)):
        return dict(enumerate(part))
    return part if isinstance(part, dict) else {None: part}


def choose(y: Any, output: str | int | None) -> list[Any]:
    """Returns the names of the outputs to weight: all if `output` is None."""
    names = list(by_name(y))
    check_choice("output", output, (None, *(name for name in names if name is not None)))
    return [name for name in names if output in (None, name)]


def weigh(
    y: Any,
    existing: Sequence[Any],
    chosen: list[Any],
    weigh_one: Callable[..., Any],
    ones: Callable[[Any], Any],
) -> Any:
    """Returns the weights of each output, in the structure of `y`.

    Args:
        y: Labels.
        existing: Weights that are there, one item or none.
        chosen: The names of the outputs to weight; the others keep their weights, or get ones.
        weigh_one: Makes weights of the labels of an output, and of the weights that are there.
        ones: Makes weights of the labels of an output that is not weighed.
    """
    weights = {}
    for name, labels in by_name(y).items():
        given = [part.get(name, part.get(None)) for part in map(by_name, existing)]
        given = [part for part in given if part is not None]
        if name in chosen:
            weights[name] = weigh_one(labels, *given)
        else:
            weights[name] = given[0] if given else ones(labels)
    if isinstance(y, (tuple, list)):
        return (list if isinstance(y, list) else tuple)(weights.values())
    return weights if isinstance(y, dict) else weights[None]


def aligned(existing: Any, shape: Sequence[int | None]) -> Any:
    """Returns weights of examples or positions with the rank of `shape`, to be multiplied.

    The array or tensor and the labels' weights, of that shape, begin with the same axes.
    """
    given = tuple(existing.shape)
    while len(existing.shape) > len(shape) and existing.shape[-1] == 1:
        existing = existing[..., 0]
    while len(existing.shape) < len(shape):
        existing = existing[..., None]
    pairs = zip(existing.shape, shape, strict=False)
    clash = any(None not in (a, b) and a not in (1, b) for a, b in pairs)
    if clash or len(existing.shape) > len(shape):
        raise ValueError(
            "Sample weights should have the shape of the labels or of their first axes. "
            f"Received: weights {given}, labels that weigh {tuple(shape)}."
        )
    return existing
