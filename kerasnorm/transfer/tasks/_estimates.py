"""Estimates the value of transfers without training them."""

from collections.abc import Iterable, Mapping

import numpy as np

from kerasnorm.transfer.tasks._debiased_cka import cosine, similarities
from kerasnorm.transfer.tasks._features import Features
from kerasnorm.transfer.tasks._task import Task
from kerasnorm.transfer.transferability import logme

_EXAMPLES = 1000  # a matrix of similarities has its square


def estimate_affinity(
    encoders: Mapping[str, Features], tasks: Iterable[Task], rows: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns scores (S, T) of encoders for tasks, larger is better, by the name of the score.

    Args:
        encoders: S features.
        tasks: T tasks.
        rows: Indices of examples, of which 1000 at most are used.

    Returns:
        "cka": debiased CKA of features and targets; "logme": LogME of features, averaged over
        positions, in tasks of one label an example, NaN in the others.
    """
    tasks, rows = list(tasks), rows[:_EXAMPLES]
    scores = {name: np.full((len(encoders), len(tasks)), np.nan) for name in ("cka", "logme")}
    of_tasks = [similarities(task.name, task.representation(rows)) for task in tasks]
    for s, (name, features) in enumerate(encoders.items()):
        values = features[rows]
        pooled = values.mean(axis=tuple(range(1, values.ndim - 1)))
        of_encoder = similarities(name, values)
        for t, task in enumerate(tasks):
            scores["cka"][s, t] = cosine(of_encoder, of_tasks[t])
            if task.kind == "classification" and task.targets.ndim == 1:
                scores["logme"][s, t] = logme(pooled, task.targets[rows])
    return scores
