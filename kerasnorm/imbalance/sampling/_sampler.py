"""Draws the examples of `resample` without gathering them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnorm.data import to_numpy
from kerasnorm.imbalance.sampling._plan import Drawing


def sampler(
    labels: Any,
    strategy: str = "class_balanced",
    seed: int = 0,
    epoch_size: int | None = None,
    weights: Any = None,
    threshold: float | None = None,
    *,
    epochs: int = 10,
    num_classes: int | None = None,
    ignore_class: int | None = None,
    missing: str = "zero",
) -> Callable[[int], np.ndarray]:
    """Returns a function that draws the examples of each epoch as `resample` does.

    Use it where something else gathers the examples: in `kerasnorm.fine_tune(sampler=…)`, whose
    features are computed once, or in your own pipeline.

    Args:
        labels: As in `resample`: the class of each example, whole numbers or strings (N,), …
        strategy, seed, epoch_size, weights, threshold, epochs, num_classes, ignore_class, missing:
            As in `resample`.

    Returns:
        A function from the number of an epoch, counted from 0, to the numbers of its examples,
        int64 (M,) in the order in which they come. M is the same for all epochs.

    Raises:
        ValueError: As `resample`.

    Example:

    >>> draw = sampler([0, 0, 0, 1], epoch_size=1000)
    >>> int((draw(0) == 3).sum())
    500
    >>> bool((draw(0) == draw(0)).all()), bool((draw(0) == draw(1)).all())
    (True, False)

    See also:
        `resample`; `kerasnorm.transfer.fine_tune`, which takes it.
    """
    labels = to_numpy(labels, "labels")
    drawing = Drawing(
        strategy=strategy,
        seed=seed,
        epoch_size=epoch_size,
        weights=weights,
        threshold=threshold,
        labels=None,
        epochs=epochs,
        num_classes=num_classes,
        ignore_class=ignore_class,
        missing=missing,
    )
    return drawing.plan(labels, len(labels)).draw
