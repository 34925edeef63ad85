"""Provides losses for unequal classes of images, pixels and contours."""

from kerasnorm.imbalance.losses._asymmetric_loss import AsymmetricLoss
from kerasnorm.imbalance.losses._balanced_softmax import BalancedSoftmax
from kerasnorm.imbalance.losses._class_balanced_binary_crossentropy import (
    ClassBalancedBinaryCrossentropy,
)
from kerasnorm.imbalance.losses._label_crossentropy import LabelCrossentropy
from kerasnorm.imbalance.losses._ldam import LDAM
from kerasnorm.imbalance.losses._logit_adjusted import LogitAdjusted
from kerasnorm.imbalance.losses._lovasz_softmax import LovaszSoftmax
from kerasnorm.imbalance.losses._position_loss import SparseLoss
from kerasnorm.imbalance.losses._seesaw import Seesaw
from kerasnorm.imbalance.losses._sparse_focal_crossentropy import SparseFocalCrossentropy

__all__ = [
    "LDAM",
    "AsymmetricLoss",
    "BalancedSoftmax",
    "ClassBalancedBinaryCrossentropy",
    "LabelCrossentropy",
    "LogitAdjusted",
    "LovaszSoftmax",
    "Seesaw",
    "SparseFocalCrossentropy",
]
