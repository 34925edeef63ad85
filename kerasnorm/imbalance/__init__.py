"""Label imbalance: count the classes, weigh them, sample them."""

from kerasnorm.imbalance.counting import count_classes
from kerasnorm.imbalance.counts import ClassCounts
from kerasnorm.imbalance.epoch_counter import EpochCounter
from kerasnorm.imbalance.follow_epochs import FollowEpochs
from kerasnorm.imbalance.image_folder import ImageFolder
from kerasnorm.imbalance.resampled_dataset import ResampledDataset
from kerasnorm.imbalance.sampling import resample
from kerasnorm.imbalance.tf_records import TFRecords
from kerasnorm.imbalance.weighting import class_weights
from kerasnorm.imbalance.weights import ClassWeights

__all__ = [
    "ClassCounts",
    "ClassWeights",
    "EpochCounter",
    "FollowEpochs",
    "ImageFolder",
    "ResampledDataset",
    "TFRecords",
    "class_weights",
    "count_classes",
    "resample",
]
