"""What a recipe may say: the names of each chapter, and which settings stand beside a name."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from kerasnorm import normalization as norms
from kerasnorm._validation import as_int, as_number, check_choice
from kerasnorm.imbalance import class_weights
from kerasnorm.imbalance._strategies import Strategy
from kerasnorm.recipe.settings import Settings, check_names

TRANSFERS = ("fine_tune", "freeze", "scratch")
IMBALANCES = ("class_weights", "resample")
OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
    "rmsprop": keras.optimizers.RMSprop,
    "nadam": keras.optimizers.Nadam,
    "adagrad": keras.optimizers.Adagrad,
    "lion": keras.optimizers.Lion,
    "lamb": keras.optimizers.Lamb,
}

_BATCHNORM = ("train", "affine_only", "inference")
_TRANSFER_SETTINGS = {
    "fine_tune": ["head_epochs", "until", "batchnorm"],
    "freeze": ["until", "batchnorm"],
    "scratch": [],
    None: [],
}


def check_normalization(name: str | None, settings: Settings) -> None:
    """Refuses what `kerasnorm.normalization.get` could not make."""
    check_choice("normalization", name, (None, *norms.names()))
    known = [] if name is None else _arguments(type(norms.get(name)).__init__)
    check_names("normalization", name, settings, known)
    if name is not None:
        norms.get(name, **settings)


def check_transfer(name: str | None, settings: Settings) -> None:
    """Refuses unknown strategies and settings that are out of range."""
    check_choice("transfer", name, (None, *TRANSFERS))
    check_names("transfer", name, settings, _TRANSFER_SETTINGS[name])
    as_int("head_epochs", settings.get("head_epochs", 0), low=0)
    check_choice("batchnorm", settings.get("batchnorm", "train"), _BATCHNORM)
    until = settings.get("until", 0)
    if isinstance(until, float):
        as_number("until", until, 0, 1, interval="[]")
    elif not isinstance(until, str):
        as_int("until", until, low=0)


def check_imbalance(name: str | None, settings: Settings) -> None:
    """Refuses what `class_weights` and `resample` could not do."""
    check_choice("imbalance", name, (None, *IMBALANCES))
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


def check_optimizer(name: str, settings: Settings) -> None:
    """Refuses what the Keras optimizer of that name could not be made with."""
    check_choice("optimizer", name, OPTIMIZERS)
    check_names("optimizer", name, settings, _arguments(OPTIMIZERS[name].__init__))
    if "learning_rate" in settings:
        as_number("learning_rate", settings["learning_rate"], 0, interval="()")
    OPTIMIZERS[name](**settings)


def _arguments(function: Callable[..., Any]) -> list[str]:
    """Returns the arguments that a function names, without `self` and `**kwargs`."""
    parameters = inspect.signature(function).parameters.values()
    named = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
    return [each for each in named if each not in ("self", "name")]
