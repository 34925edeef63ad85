"""What transfers will be worth, without training them."""

from collections.abc import Iterable, Mapping

import numpy as np

from kerasnorm.transfer.tasks.debiased_cka import debiased_cka
from kerasnorm.transfer.tasks.features import Features
from kerasnorm.transfer.tasks.task import Task
from kerasnorm.transfer.transferability import logme

_EXAMPLES = 1000  # a matrix of similarities has its square


def estimate_affinity(
    encoders: Mapping[str, Features], tasks: Iterable[Task], rows: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns scores (S, T) of encoders for tasks, larger is better, by the name of the score.

    Args:
        encoders: S features.
        tasks: T tasks.
        rows: indices of examples, of which 1000 at most are used.

    Returns:
        "cka": debiased CKA of features and targets; "logme": LogME of features, averaged over
        positions, in tasks of one label an example, NaN in the others.
    """
    tasks, rows = list(tasks), rows[:_EXAMPLES]
    scores = {name: np.full((len(encoders), len(tasks)), np.nan) for name in ("cka", "logme")}
    for s, features in enumerate(encoders.values()):
        values = features[rows]
        pooled = values.mean(axis=tuple(range(1, values.ndim - 1)))
        for t, task in enumerate(tasks):
            scores["cka"][s, t] = debiased_cka(values, task.representation(rows))
            if task.kind == "classification" and task.targets.ndim == 1:
                scores["logme"][s, t] = logme(pooled, task.targets[rows])
    return scores
