"""Provides search spaces to start from: dicts to change, join and pass to `RecipeHyperModel`."""

from collections.abc import Mapping
from typing import Any

from kerasnorm._validation import listed
from kerasnorm.tuning._ranges import linear, log

__all__ = [
    "everything",
    "freeze_depths",
    "imbalances",
    "join",
    "layer_decays",
    "losses",
    "normalizations",
    "rates",
]

Fields = dict[str, Any]


def normalizations() -> Fields:
    """Returns the model's own normalization, and those without batch statistics.

    A trial fails if the number of groups does not divide the channels of a layer.

    Example:

    >>> normalizations()["normalization"]
    [None, 'group', 'layer']

    See also:
        `join`; `kerasnorm.surgery.replace_normalization`.
    """
    return {
        "normalization": [None, "group", "layer"],
        "normalization_settings.groups": [4, 8, 16, 32],
    }


def freeze_depths() -> Fields:
    """Returns fine-tuning of all layers, or with the lower quarter, half or three quarters frozen.

    Example:

    >>> freeze_depths()["transfer"]
    ['fine_tune', 'freeze']

    See also:
        `layer_decays`; `join`; `kerasnorm.transfer.freeze`.
    """
    return {
        "transfer": ["fine_tune", "freeze"],
        "transfer_settings.until": {"freeze": [0.25, 0.5, 0.75]},
        "transfer_settings.batchnorm": {"fine_tune": ["train", "affine_only", "inference"]},
    }


def layer_decays() -> Fields:
    """Returns learning rates that decrease by a factor from layer to layer, from the head down.

    See also:
        `freeze_depths`; `join`; `kerasnorm.transfer.layer_decay`.

    Reference:
        Howard and Ruder, 2018, Universal language model fine-tuning for text classification,
        https://arxiv.org/abs/1801.06146

    Example:

    >>> layer_decays()
    {'transfer_settings.decay': Range(low=0.6, high=1.0, scale='linear')}
    """
    return {"transfer_settings.decay": linear(0.6, 1.0)}


def rates() -> Fields:
    """Returns learning rate and weight decay of AdamW, and of SGD with momentum.

    Example:

    >>> rates()["optimizer_settings.learning_rate"]["sgd"]
    Range(low=0.001, high=0.1, scale='log')

    See also:
        `join`; `kerasnorm.transfer.LearningRateFinder`.
    """
    return {
        "optimizer": ["adamw", "sgd"],
        "optimizer_settings.learning_rate": {"adamw": log(1e-5, 1e-2), "sgd": log(1e-3, 1e-1)},
        "optimizer_settings.momentum": {"sgd": [0.9]},
        "optimizer_settings.weight_decay": log(1e-6, 1e-2),
    }


def imbalances() -> Fields:
    """Returns no treatment of unequal classes, class weights, and resampling.

    See also:
        `losses`, which compensate for unequal classes too; `join`.

    Reference:
        Cui et al., 2019, Class-balanced loss based on effective number of samples,
        https://arxiv.org/abs/1901.05555, for `beta`

    Example:

    >>> imbalances()["imbalance"]
    [None, 'class_weights', 'resample']
    """
    return {
        "imbalance": [None, "class_weights", "resample"],
        "imbalance_settings.scheme": ["balanced", "sqrt", "effective_number"],
        "imbalance_settings.beta": [0.9, 0.99, 0.999, 0.9999],
        "imbalance_settings.strategy": ["class_balanced", "square_root"],
    }


def losses() -> Fields:
    """Returns cross-entropy, and the losses for unequal classes.

    Two of them, "balanced_softmax" and "logit_adjusted", contradict weights and resampling.

    Example:

    >>> losses()["loss_settings.tau"]
    Range(low=0.5, high=1.5, scale='linear')

    See also:
        `imbalances`; `join`.
    """
    return {
        "loss": ["cross_entropy", "focal", "balanced_softmax", "logit_adjusted", "seesaw"],
        "loss_settings.gamma": [1.0, 2.0],
        "loss_settings.tau": linear(0.5, 1.5),
    }


def everything() -> Fields:
    """Returns all of these spaces together, without losses that contradict others.

    Example:

    >>> everything()["loss"]
    ['cross_entropy', 'focal', 'seesaw']

    See also:
        `join`, which combines smaller spaces.
    """
    others = join(normalizations(), freeze_depths(), layer_decays(), rates(), imbalances())
    return join(others, {"loss": ["cross_entropy", "focal", "seesaw"]})


def join(*spaces: Mapping[str, Any]) -> Fields:
    """Joins several spaces.

    Args:
        *spaces: Dicts of values or ranges by the names of fields, as `RecipeHyperModel` takes them.

    Raises:
        ValueError: If two of them name the same field.

    Example:

    >>> list(join({"imbalance": [None, "resample"]}, {"optimizer": ["adam", "sgd"]}))
    ['imbalance', 'optimizer']

    See also:
        `everything`; `RecipeHyperModel`, which takes a space.
    """
    joined: Fields = {}
    for space in spaces:
        if twice := joined.keys() & space.keys():
            raise ValueError(
                f"Two of the spaces name {listed(sorted(twice))}. Leave them out of one space."
            )
        joined.update(space)
    return joined
