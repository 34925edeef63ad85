"""Checks the arguments of `TaskAffinity`."""

import itertools
from collections.abc import Iterable, Mapping

import keras

from kerasnorm._validation import listed
from kerasnorm.transfer.tasks._task import Task


def read_encoders(encoders: Mapping[str, keras.Model]) -> dict[str, keras.Model]:
    """Returns the encoders by name.

    Raises:
        ValueError: If they are no models, one of them is not built, or there are none.
    """
    if not isinstance(encoders, Mapping) or not encoders:
        raise ValueError(
            "`encoders` should be a dict of keras.Model by name, at least one. "
            f"Received: {encoders!r}."
        )
    for name, encoder in encoders.items():
        if not isinstance(encoder, keras.Model) or not encoder.built:
            raise ValueError(
                f"Encoder {name!r} should be a keras.Model that is built. "
                f"Received: {encoder!r}. Call it on a batch first."
            )
    return dict(encoders)


def read_tasks(tasks: Iterable[Task], count: int) -> dict[str, Task]:
    """Returns the tasks by name.

    Raises:
        ValueError: If they are no tasks, share a name, have not `count` targets, or there are none.
    """
    tasks = list(tasks)
    if not tasks or not all(isinstance(task, Task) for task in tasks):
        raise ValueError(f"`tasks` should be a list of Task, at least one. Received: {tasks!r}.")
    for task in tasks:
        if len(task.targets) != count:
            raise ValueError(
                f"Task '{task.name}' should have a target for each of the {count} examples of `x`. "
                f"Received: {len(task.targets)}."
            )
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        raise ValueError(f"`tasks` should have different names. Received: {listed(names)}.")
    return {task.name: task for task in tasks}


def subsets(names: Iterable[str], order: int) -> list[tuple[str, ...]]:
    """Returns all subsets of 1 to `order` names, the small ones first.

    >>> subsets("abc", 2)
    [('a',), ('b',), ('c',), ('a', 'b'), ('a', 'c'), ('b', 'c')]
    """
    names = list(names)
    return [part for n in range(1, order + 1) for part in itertools.combinations(names, n)]
