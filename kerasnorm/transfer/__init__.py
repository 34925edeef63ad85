"""Transfer learning: what trains, what does not, what will transfer and how well."""

from kerasnorm.transfer import transferability
from kerasnorm.transfer.adapt_input import adapt_input
from kerasnorm.transfer.change import Change
from kerasnorm.transfer.feature_classifier import FeatureClassifier
from kerasnorm.transfer.fine_tune import fine_tune
from kerasnorm.transfer.fine_tuning import FineTuning
from kerasnorm.transfer.freezing import freeze, unfreeze
from kerasnorm.transfer.gradual_unfreezing import GradualUnfreezing
from kerasnorm.transfer.head import replace_head
from kerasnorm.transfer.l2_sp import l2_sp
from kerasnorm.transfer.layer_decay import layer_decay
from kerasnorm.transfer.layerwise_learning_rate import LayerwiseLearningRate
from kerasnorm.transfer.learning_rate_finder import LearningRateFinder
from kerasnorm.transfer.probing import ProbeTable, probe_layers
from kerasnorm.transfer.rule_of_thumb import Strategy, rule_of_thumb
from kerasnorm.transfer.trainable_table import TrainableTable, trainable_table
from kerasnorm.transfer.transferability import gbc, h_score, leep, logme, nce, trans_rate

__all__ = [
    "Change",
    "FeatureClassifier",
    "FineTuning",
    "GradualUnfreezing",
    "LayerwiseLearningRate",
    "LearningRateFinder",
    "ProbeTable",
    "Strategy",
    "TrainableTable",
    "adapt_input",
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
    "trainable_table",
    "trans_rate",
    "transferability",
    "unfreeze",
]
