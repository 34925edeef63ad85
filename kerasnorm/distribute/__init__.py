"""The same `fit` on several devices and machines, by the engines that there are.

`current_strategy` finds how this process shares its work; in its scope `DistributedModel`, or
`prepare` of a model that is there, trains as one process would on the whole batches.
`resume_callbacks` let a job go on after a kill.
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
