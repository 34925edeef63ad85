"""Finds contradictions between the chapters of a recipe."""

from typing import Any

from kerasnorm._validation import listed

_FOR_FREQUENCIES = {
    "loss": ("balanced_softmax", "logit_adjusted"),
    "correction": ("adjust_logits", "tau_normalize"),
}
_TRAINED = {
    "imbalance": None,
    "loss": "cross_entropy",
    "correction": None,
    "optimizer_settings": {},
    "schedule": None,
    "augmentation": None,
    "patience": None,
}


def check_together(recipe: Any) -> None:
    """Refuses a recipe whose chapters contradict one another.

    Raises:
        ValueError: That names the fields.
    """
    if recipe.transfer == "svm":
        given = [
            f"{field}={getattr(recipe, field)!r}"
            for field, nothing in _TRAINED.items()
            if getattr(recipe, field) != nothing
        ]
        if given:
            raise ValueError(
                "transfer='svm' fits a linear classifier and trains no epochs. Received beside "
                f"it: {', '.join(given)}. Leave that out, or choose another transfer."
            )
    twice = [
        f"{chapter}={getattr(recipe, chapter)!r}"
        for chapter, names in _FOR_FREQUENCIES.items()
        if getattr(recipe, chapter) in names
    ]
    if recipe.imbalance is not None:
        twice.insert(0, f"imbalance={recipe.imbalance!r}")
    if len(twice) > 1:
        raise ValueError(
            "Each of these compensates for unequal classes, and together they would favour the "
            f"rare ones: {', '.join(twice)}. Choose one of them, or a loss of "
            f"{listed(['cross_entropy', 'focal', 'seesaw'])}."
        )
