"""Implements L-BFGS for smooth convex functions of many variables.

SciPy's is for functions within bounds: for 128,000 numbers its own steps took as long as the
function of 10,000 examples.
"""

from collections import deque
from collections.abc import Callable, Iterable

import numpy as np

MEMORY = 6  # steps that the curvature is known from
ENOUGH = 1e-4  # of what the slope promises, for a step to be taken
SHORTER = 20  # times a step is shortened, at most

Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]
Pair = tuple[np.ndarray, np.ndarray]  # a step, and how the slope changed on it


def descend(objective: Objective, start: np.ndarray, steps: int, tolerance: float) -> np.ndarray:
    """Returns a point near the least of a function whose curvature is about 1 everywhere.

    Args:
        objective: Returns value and slope of a point.
        start: Where to begin, (n,).
        steps: At most so many.
        tolerance: Ends when a step gains less.

    Reference:
        Nocedal and Wright, 2006, Numerical Optimization, algorithms 7.4 and 7.5 (L-BFGS), 3.1
        (backtracking).
    """
    point, (value, slope) = start, objective(start)
    pairs: deque[Pair] = deque(maxlen=MEMORY)
    for _ in range(steps):
        found = _step(objective, point, value, slope, _direction(slope, pairs))
        if found is None:
            break
        after, lower, new_slope = found
        if np.vdot(after - point, new_slope - slope) > 0:
            pairs.append((after - point, new_slope - slope))
        gained = value - lower
        point, value, slope = after, lower, new_slope
        if gained < tolerance:
            break
    return point


def _direction(slope: np.ndarray, pairs: Iterable[Pair]) -> np.ndarray:
    """Returns where the least would be if the curvature were that of the last steps."""
    pairs = list(pairs)
    direction, shares = -slope, []
    for step, change in reversed(pairs):
        share = np.vdot(step, direction) / np.vdot(step, change)
        direction = direction - share * change
        shares.append(share)
    if pairs:
        step, change = pairs[-1]
        direction = direction * (np.vdot(step, change) / np.vdot(change, change))
    for (step, change), share in zip(pairs, reversed(shares), strict=True):
        back = np.vdot(change, direction) / np.vdot(step, change)
        direction = direction + (share - back) * step
    return direction


def _step(
    objective: Objective, point: np.ndarray, value: float, slope: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, float, np.ndarray] | None:
    """Returns a lower point in a direction with its value and slope; None if rounding hides it."""
    length, promised = 1.0, float(np.vdot(slope, direction))
    for _ in range(SHORTER):
        after = point + length * direction
        found, new_slope = objective(after)
        if found <= value + ENOUGH * length * promised and found < value:
            return after, found, new_slope
        # where a parabola through both values is least, within reason
        bend = found - value - length * promised
        length *= min(max(-0.5 * length * promised / bend, 0.1), 0.5) if bend > 0 else 0.5
    return None
