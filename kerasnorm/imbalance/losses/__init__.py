"""Losses for classes that are unequally frequent, in images, pixels and contours."""

from kerasnorm.imbalance.losses.asymmetric_loss import AsymmetricLoss
from kerasnorm.imbalance.losses.balanced_softmax import BalancedSoftmax
from kerasnorm.imbalance.losses.class_balanced_binary_crossentropy import (
    ClassBalancedBinaryCrossentropy,
)
from kerasnorm.imbalance.losses.ldam import LDAM
from kerasnorm.imbalance.losses.logit_adjusted import LogitAdjusted
from kerasnorm.imbalance.losses.lovasz_softmax import LovaszSoftmax
from kerasnorm.imbalance.losses.seesaw import Seesaw
from kerasnorm.imbalance.losses.sparse_focal_crossentropy import SparseFocalCrossentropy

__all__ = [
    "LDAM",
    "AsymmetricLoss",
    "BalancedSoftmax",
    "ClassBalancedBinaryCrossentropy",
    "LogitAdjusted",
    "LovaszSoftmax",
    "Seesaw",
    "SparseFocalCrossentropy",
]
