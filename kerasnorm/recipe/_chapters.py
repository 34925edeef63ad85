"""Checks the name and the settings of each chapter of a recipe."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from kerasnorm import normalization as norms
from kerasnorm._choices import (
    AUGMENTATIONS,
    CORRECTIONS,
    FLIPS,
    LOSSES,
    MIXED,
    OPTIMIZERS,
    SCHEDULES,
    TRANSFERS,
    check_name,
)
from kerasnorm._validation import as_int, as_number, as_pattern, check_choice, check_quick
from kerasnorm.imbalance import class_weights, ignored, losses
from kerasnorm.imbalance.counting import as_counts
from kerasnorm.imbalance.sampling import Strategy
from kerasnorm.recipe._settings import Settings, check_names

WEIGHT_STANDARDIZATION = "weight_standardization"

_LOWEST = {"patience": 1, "image_size": 8}

_BATCHNORM = ("train", "affine_only", "inference")
_LOSSES_OF_PROBABILITIES = ("cross_entropy", "focal")  # the others need logits and class counts
_LOSS_SETTINGS = {"focal": ["gamma", "alpha"], "logit_adjusted": ["tau"], "seesaw": ["p", "q"]}
_SHARES = ("beta_1", "beta_2", "momentum", "rho", "ema_momentum")  # of an optimizer, below 1
_COUNTS = ("ema_overwrite_frequency", "gradient_accumulation_steps")
_OF_ALL_LAYERS = {"name", "trainable", "dtype"}


def make_optimizer(name: str, settings: Settings) -> keras.optimizers.Optimizer:
    """Returns the Keras optimizer of that name."""
    return getattr(keras.optimizers, OPTIMIZERS[name])(**settings)


def make_loss(name: str, settings: Settings, counts: Any, from_logits: bool) -> keras.losses.Loss:
    """Returns the loss of that name for classes of so many training examples.

    It leaves out the `ignore_class` of a `ClassCounts`.

    Raises:
        ValueError: If it needs logits, and the model gives probabilities.
    """
    make = getattr(keras.losses if name == "cross_entropy" else losses, LOSSES[name])
    if name in _LOSSES_OF_PROBABILITIES:
        left_out = {"ignore_class": ignored(None, counts)}
        return make(from_logits=from_logits, **left_out, **settings)
    if not from_logits:
        raise ValueError(
            f"loss={name!r} needs logits, but the model ends in an activation that returns "
            "probabilities. Give its last layer activation=None."
        )
    if name == "seesaw":
        return make(len(as_counts(counts)), counts=counts, **settings)
    return make(counts, **settings)


def check_normalization(name: str | None, settings: Settings) -> None:
    """Refuses what `kerasnorm.normalization.get` could not make."""
    check_name("normalization", name)
    defaults = {}
    if name is not None:  # not all of them are named in every layer's `__init__`
        defaults = {**norms.get(name).get_config(), WEIGHT_STANDARDIZATION: False}
        defaults = {key: each for key, each in defaults.items() if key not in _OF_ALL_LAYERS}
    check_names("normalization", name, settings, list(defaults))
    for key, value in settings.items():
        if isinstance(defaults[key], bool):
            check_choice(key, value, (True, False))
        elif key == "axis" and 0 in (value if isinstance(value, tuple) else (value,)):
            raise ValueError(
                f"`axis` should be axes of an example, and 0 is not. Received: {value}."
            )
    if name is not None:
        norms.get(name, **{k: v for k, v in settings.items() if k != WEIGHT_STANDARDIZATION})


def check_transfer(name: str | None, settings: Settings) -> None:
    """Refuses unknown strategies and settings that are out of range."""
    check_name("transfer", name)
    check_names("transfer", name, settings, TRANSFERS[name] if name else [])
    as_int("head_epochs", settings.get("head_epochs", 0), low=0)
    check_choice("batchnorm", settings.get("batchnorm", "inference"), _BATCHNORM)
    check_choice("estimator", settings.get("estimator", "svm"), ("svm", "logistic"))
    until = settings.get("until", 0)
    if isinstance(until, float):
        as_number("until", until, 0, 1, interval="[]")
    elif not isinstance(until, str):
        as_int("until", until, low=0)
    else:
        check_quick("until", until)
    as_number("decay", settings.get("decay", 1), 0, 1, interval="(]")
    as_int("gradual", settings.get("gradual", 1), low=1)
    rate = settings.get("base_learning_rate", 1)
    as_number("base_learning_rate", rate, 0, interval="()")
    blocks = settings.get("blocks", ())
    if not isinstance(blocks, tuple) or not all(isinstance(block, str) for block in blocks):
        raise ValueError(f"`blocks` should be a list of regexes. Received: blocks={blocks!r}.")
    for block in blocks:
        check_quick("blocks", as_pattern("blocks", block).pattern)
    without = [key for key in ("gradual", "blocks") if key in settings and "decay" not in settings]
    if without:
        raise ValueError(
            f"The settings `gradual` and `blocks` of transfer={name!r} say in which steps `decay` "
            f"goes down the layers. Received: {dict(settings)}. Give `decay` too."
        )


def check_imbalance(name: str | None, settings: Settings) -> None:
    """Refuses what `class_weights` and `resample` could not do."""
    check_name("imbalance", name)
    if name == "class_weights":
        check_names("imbalance", name, settings, _arguments(class_weights)[1:])
        class_weights([1, 1], **settings)
        if "beta" in settings and settings.get("scheme") != "effective_number":
            raise ValueError(
                "The setting `beta` belongs to scheme='effective_number'. "
                f"Received: beta={settings['beta']!r}, scheme={settings.get('scheme')!r}."
            )
    else:
        known = ["strategy", "threshold", "epochs"] if name else []
        check_names("imbalance", name, settings, known)
        others = {key: value for key, value in settings.items() if key != "strategy"}
        Strategy(settings.get("strategy", "class_balanced"), **others)


def check_loss(name: str, settings: Settings) -> None:
    """Refuses what the loss of that name could not be made with."""
    check_name("loss", name)
    check_names("loss", name, settings, _LOSS_SETTINGS.get(name, []))
    make_loss(name, settings, [2, 1], from_logits=True)


def check_correction(name: str | None, settings: Settings) -> None:
    """Refuses what no correction after training could do."""
    check_name("correction", name)
    check_names("correction", name, settings, CORRECTIONS[name] if name else [])
    as_number("tau", settings.get("tau", 1), 0)
    as_int("epochs", settings.get("epochs", 1), low=1)
    Strategy(settings.get("strategy", "class_balanced"))


def check_optimizer(name: str, settings: Settings) -> None:
    """Refuses what the Keras optimizer of that name could not be made with."""
    check_name("optimizer", name)
    made = getattr(keras.optimizers, OPTIMIZERS[name])
    check_names("optimizer", name, settings, _arguments(made.__init__))
    if "learning_rate" in settings:
        as_number("learning_rate", settings["learning_rate"], 0, interval="()")
    for key, value in settings.items():
        _check_kind(key, value, inspect.signature(made.__init__).parameters[key].default)
    make_optimizer(name, settings)


def _check_kind(key: str, value: Any, default: Any) -> None:
    """Refuses what an optimizer would take now and fail at in its first step."""
    if isinstance(default, bool) or key == "use_ema":
        check_choice(key, value, (True, False))
    elif key in _COUNTS:
        if value is not None:
            as_int(key, value, low=1)
    elif key in _SHARES:
        as_number(key, value, 0, 1)
    elif value is not None or isinstance(default, float):
        as_number(key, value, 0)


def check_schedule(name: str | None, settings: Settings) -> None:
    """Refuses settings of a schedule that are out of range."""
    check_name("schedule", name)
    check_names("schedule", name, settings, SCHEDULES[name] if name else [])
    as_int("warmup_epochs", settings.get("warmup_epochs", 0), low=0)
    as_number("alpha", settings.get("alpha", 0), 0, 1, interval="[]")


def check_augmentation(name: str | None, settings: Settings) -> None:
    """Refuses changes of images that are out of range."""
    check_name("augmentation", name)
    check_names("augmentation", name, settings, AUGMENTATIONS[name] if name else [])
    modes = FLIPS if name == "flip" else (*FLIPS, None)
    check_choice("mode", settings.get("mode", "horizontal"), modes)
    for key in ("shift", "rotation", "zoom"):
        as_number(key, settings.get(key, 0), 0, 1)


def check_value(name: str, value: Any) -> Any:
    """Returns what a recipe says without settings; refuses what is out of range."""
    if value is None:
        return None
    if name == "mixed_precision":
        return check_choice(name, value, (None, *MIXED))
    return as_int(name, value, _LOWEST[name])


def _arguments(function: Callable[..., Any]) -> list[str]:
    """Returns the arguments that a function names, without `self` and `**kwargs`."""
    parameters = inspect.signature(function).parameters.values()
    named = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
    return [each for each in named if each not in ("self", "name")]
