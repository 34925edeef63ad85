"""Which tasks transfer to which: affinities, the tree of tasks, and what to supervise."""

from kerasnorm.transfer.tasks.affinity_from_wins import affinity_from_wins
from kerasnorm.transfer.tasks.select_sources import Selection, select_sources
from kerasnorm.transfer.tasks.task_tree import TaskTree, task_tree

__all__ = ["Selection", "TaskTree", "affinity_from_wins", "select_sources", "task_tree"]
