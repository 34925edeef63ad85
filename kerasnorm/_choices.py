"""Lists the names that a recipe may contain, for parsers that run before Keras is imported."""

import json
from typing import Any

from kerasnorm._validation import check_choice, listed

VERSION = 1  # of a recipe's JSON

# the class of each, in `kerasnorm.normalization`
NORMALIZATIONS = {
    "batch": "BatchNormalization",
    "sync_batch": "SyncBatchNormalization",
    "layer": "LayerNormalization",
    "instance": "InstanceNormalization",
    "group": "GroupNormalization",
    "filter_response": "FilterResponseNormalization",
    "switchable": "SwitchableNormalization",
}
# the settings of each
TRANSFERS = {
    "fine_tune": [
        *("head_epochs", "until", "batchnorm", "decay", "blocks", "gradual"),
        "base_learning_rate",
    ],
    "freeze": ["until"],
    "svm": ["estimator"],
    "scratch": [],
}
IMBALANCES = ("class_weights", "resample")
# the class of each, in `keras.losses` or `kerasnorm.imbalance.losses`
LOSSES = {
    "cross_entropy": "SparseCategoricalCrossentropy",
    "focal": "SparseFocalCrossentropy",
    "balanced_softmax": "BalancedSoftmax",
    "logit_adjusted": "LogitAdjusted",
    "seesaw": "Seesaw",
}
# the settings of each
CORRECTIONS = {
    "adjust_logits": ["tau"],
    "tau_normalize": ["tau"],
    "retrain_classifier": ["epochs", "strategy"],
    "tune_thresholds": [],
    "scale_temperature": [],
}
# the class of each, in `keras.optimizers`
OPTIMIZERS = {
    "adam": "Adam",
    "adamw": "AdamW",
    "sgd": "SGD",
    "rmsprop": "RMSprop",
    "nadam": "Nadam",
    "adagrad": "Adagrad",
    "lion": "Lion",
    "lamb": "Lamb",
}
# the settings of each
SCHEDULES = {"cosine": ["warmup_epochs", "alpha"]}
# the settings of each
AUGMENTATIONS = {
    "flip": ["mode"],
    "light": ["mode", "shift"],
    "strong": ["mode", "shift", "rotation", "zoom"],
}
FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")
MIXED = ("float16", "bfloat16")

_CHOICES = {
    "normalization": (None, *NORMALIZATIONS),
    "transfer": (*TRANSFERS, None),
    "imbalance": (None, *IMBALANCES),
    "loss": tuple(LOSSES),
    "correction": (None, *CORRECTIONS),
    "optimizer": tuple(OPTIMIZERS),
    "schedule": (None, *SCHEDULES),
    "augmentation": (None, *AUGMENTATIONS),
}
CHAPTERS = tuple(_CHOICES)
VALUES = ("patience", "image_size", "mixed_precision")  # have no settings
FIELDS = (*CHAPTERS, *(f"{chapter}_settings" for chapter in CHAPTERS), *VALUES)

RULES = ("measured", "lecture")
# the class of each, in `keras_tuner`
TUNERS = {"random": "RandomSearch", "hyperband": "Hyperband", "bayesian": "BayesianOptimization"}
DISTRIBUTED = ("keras_tuner", "optuna")


def check_name(chapter: str, name: Any) -> None:
    """Refuses a name that the chapter of a recipe does not have."""
    check_choice(chapter, name, _CHOICES[chapter])


def read_recipe(text: str) -> dict[str, Any]:
    """Returns the fields of the recipe in JSON text, whose names are known.

    Raises:
        ValueError: If the text is no JSON object, is of another version, or has unknown fields or
            names.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:  # of numbers and of lists without an end too
        raise ValueError(f"A recipe should be JSON, and this is not: {error}.") from error
    if not isinstance(content, dict) or "version" not in content:
        raise ValueError("A recipe should be a JSON object with a `version`.")
    version = content.pop("version")
    if version != VERSION:
        raise ValueError(
            f"This version of kerasnorm reads recipes of version {VERSION}. "
            f"Received: version={version!r}."
        )
    unknown = [key for key in content if key not in FIELDS]
    if unknown:
        raise ValueError(f"A recipe has {listed(FIELDS)}. Received: {listed(unknown)}.")
    for chapter in CHAPTERS:
        if chapter in content:
            check_name(chapter, content[chapter])
    return content
