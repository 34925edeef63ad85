"""Label imbalance: count the classes, weigh them, sample them; losses, corrections, metrics."""

from kerasnorm.backend.epoch_counter import EpochCounter
from kerasnorm.backend.follow_epochs import FollowEpochs
from kerasnorm.imbalance import corrections, losses, metrics
from kerasnorm.imbalance.corrections import (
    adjust_logits,
    correct_prior,
    initial_bias,
    retrain_classifier,
    tau_normalize,
    tune_thresholds,
)
from kerasnorm.imbalance.cosine_dense import CosineDense
from kerasnorm.imbalance.counting import count_classes
from kerasnorm.imbalance.counts import ClassCounts
from kerasnorm.imbalance.deferred_resampling import DeferredResampling
from kerasnorm.imbalance.deferred_reweighting import DeferredReweighting
from kerasnorm.imbalance.drawing import sampler
from kerasnorm.imbalance.image_files import ImageFiles
from kerasnorm.imbalance.image_folder import ImageFolder
from kerasnorm.imbalance.image_table import ImageTable
from kerasnorm.imbalance.losses import (
    LDAM,
    AsymmetricLoss,
    BalancedSoftmax,
    ClassBalancedBinaryCrossentropy,
    LogitAdjusted,
    LovaszSoftmax,
    Seesaw,
    SparseFocalCrossentropy,
)
from kerasnorm.imbalance.metrics import (
    BalancedAccuracy,
    BoundaryFScore,
    GroupAccuracy,
    MacroF1,
    PerClassRecall,
)
from kerasnorm.imbalance.resampled_dataset import ResampledDataset
from kerasnorm.imbalance.sampling import resample
from kerasnorm.imbalance.segmentation_folder import SegmentationFolder
from kerasnorm.imbalance.tf_records import TFRecords
from kerasnorm.imbalance.weighting import class_weights
from kerasnorm.imbalance.weights import ClassWeights

__all__ = [
    "LDAM",
    "AsymmetricLoss",
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
    "tau_normalize",
    "tune_thresholds",
]
