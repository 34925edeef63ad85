"""Runs the same `fit` on several devices and machines.

`current_strategy` finds how this process shares its work; in its scope a `DistributedModel`, or a
model converted by `prepare`, trains as one process would on the whole batches. With
`resume_callbacks` a job resumes after a kill.
"""

from kerasnorm.distribute._cluster import read_cluster
from kerasnorm.distribute._distributed_model import DistributedModel
from kerasnorm.distribute._from_chief import from_chief
from kerasnorm.distribute._prepare import prepare
from kerasnorm.distribute._resume_callbacks import resume_callbacks
from kerasnorm.distribute._strategy import current_strategy, is_chief

__all__ = [
    "DistributedModel",
    "current_strategy",
    "from_chief",
    "is_chief",
    "prepare",
    "resume_callbacks",
]
