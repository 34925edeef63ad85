"""Measures which tasks transfer to which: affinities, a tree of tasks, what to supervise."""

from kerasnorm.transfer.tasks._affinities import Affinities
from kerasnorm.transfer.tasks._affinity_from_wins import affinity_from_wins
from kerasnorm.transfer.tasks._cost import Cost
from kerasnorm.transfer.tasks._debiased_cka import debiased_cka
from kerasnorm.transfer.tasks._default_head import default_head
from kerasnorm.transfer.tasks._select_sources import Selection, select_sources
from kerasnorm.transfer.tasks._task import Task
from kerasnorm.transfer.tasks._task_affinity import TaskAffinity
from kerasnorm.transfer.tasks._task_tree import TaskTree, task_tree
from kerasnorm.transfer.tasks._win_rates import win_rates

__all__ = [
    "Affinities",
    "Cost",
    "Selection",
    "Task",
    "TaskAffinity",
    "TaskTree",
    "affinity_from_wins",
    "debiased_cka",
    "default_head",
    "select_sources",
    "task_tree",
    "win_rates",
]
