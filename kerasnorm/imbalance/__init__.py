"""Handles unequal classes: counts, class weights, sampling, losses, corrections, metrics."""

from kerasnorm.data import (
    EpochCounter,
    FollowEpochs,
    ImageFiles,
    ImageFolder,
    ImageTable,
    SegmentationFolder,
    TFRecords,
)
from kerasnorm.imbalance import corrections, losses, metrics
from kerasnorm.imbalance._class_numbers import ignored
from kerasnorm.imbalance._cosine_dense import CosineDense
from kerasnorm.imbalance.corrections import (
    adjust_logits,
    correct_prior,
    initial_bias,
    retrain_classifier,
    scale_temperature,
    tau_normalize,
    tune_thresholds,
    with_thresholds,
)
from kerasnorm.imbalance.counting import ClassCounts, count_classes
from kerasnorm.imbalance.losses import (
    LDAM,
    AsymmetricLoss,
    BalancedSoftmax,
    ClassBalancedBinaryCrossentropy,
    LabelCrossentropy,
    LogitAdjusted,
    LovaszSoftmax,
    Seesaw,
    SparseFocalCrossentropy,
)
from kerasnorm.imbalance.metrics import (
    AveragePrecision,
    BalancedAccuracy,
    BoundaryFScore,
    GroupAccuracy,
    MacroF1,
    PerClassRecall,
)
from kerasnorm.imbalance.sampling import DeferredResampling, ResampledDataset, resample, sampler
from kerasnorm.imbalance.weighting import ClassWeights, DeferredReweighting, class_weights

__all__ = [
    "LDAM",
    "AsymmetricLoss",
    "AveragePrecision",
    "BalancedAccuracy",
    "BalancedSoftmax",
    "BoundaryFScore",
    "ClassBalancedBinaryCrossentropy",
    "ClassCounts",
    "ClassWeights",
    "CosineDense",
    "DeferredResampling",
    "DeferredReweighting",
    "EpochCounter",
    "FollowEpochs",
    "GroupAccuracy",
    "ImageFiles",
    "ImageFolder",
    "ImageTable",
    "LabelCrossentropy",
    "LogitAdjusted",
    "LovaszSoftmax",
    "MacroF1",
    "PerClassRecall",
    "ResampledDataset",
    "Seesaw",
    "SegmentationFolder",
    "SparseFocalCrossentropy",
    "TFRecords",
    "adjust_logits",
    "class_weights",
    "correct_prior",
    "corrections",
    "count_classes",
    "initial_bias",
    "losses",
    "metrics",
    "resample",
    "retrain_classifier",
    "sampler",
    "scale_temperature",
    "tau_normalize",
    "tune_thresholds",
    "with_thresholds",
]
