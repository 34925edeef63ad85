"""Transfers pretrained networks: freezing, learning rates, heads, fine-tuning, and scores."""

from kerasnorm.transfer import tasks, transferability
from kerasnorm.transfer._adapt_input import adapt_input
from kerasnorm.transfer._change import Change
from kerasnorm.transfer._check_input_range import check_input_range
from kerasnorm.transfer._freeze import freeze, unfreeze
from kerasnorm.transfer._l2_sp import l2_sp
from kerasnorm.transfer._raw_images import rescaling_of
from kerasnorm.transfer._replace_head import check_gives_maps, is_backbone, replace_head, with_head
from kerasnorm.transfer._rule_of_thumb import Strategy, rule_of_thumb
from kerasnorm.transfer._trainable_table import TrainableTable, trainable_table
from kerasnorm.transfer.fine_tuning import FineTuning, fine_tune
from kerasnorm.transfer.probing import FeatureClassifier, ProbeTable, probe_layers
from kerasnorm.transfer.rates import (
    GradualUnfreezing,
    LayerwiseLearningRate,
    LearningRateFinder,
    layer_decay,
)
from kerasnorm.transfer.solving import Head, solve_head
from kerasnorm.transfer.tasks import (
    Affinities,
    Selection,
    Task,
    TaskAffinity,
    TaskTree,
    affinity_from_wins,
    debiased_cka,
    select_sources,
    task_tree,
    win_rates,
)
from kerasnorm.transfer.transferability import gbc, h_score, leep, logme, nce, trans_rate

__all__ = [
    "Affinities",
    "Change",
    "FeatureClassifier",
    "FineTuning",
    "GradualUnfreezing",
    "Head",
    "LayerwiseLearningRate",
    "LearningRateFinder",
    "ProbeTable",
    "Selection",
    "Strategy",
    "Task",
    "TaskAffinity",
    "TaskTree",
    "TrainableTable",
    "adapt_input",
    "affinity_from_wins",
    "check_input_range",
    "debiased_cka",
    "fine_tune",
    "freeze",
    "gbc",
    "h_score",
    "l2_sp",
    "layer_decay",
    "leep",
    "logme",
    "nce",
    "probe_layers",
    "replace_head",
    "rule_of_thumb",
    "select_sources",
    "solve_head",
    "task_tree",
    "tasks",
    "trainable_table",
    "trans_rate",
    "transferability",
    "unfreeze",
    "win_rates",
]
