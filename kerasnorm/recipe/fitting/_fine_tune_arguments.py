"""What a recipe's transfer, optimizer and schedule chapters are in the words of `fine_tune`."""

from typing import Any

import keras

from kerasnorm.recipe._chapters import make_optimizer
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.transfer import Strategy
from kerasnorm.transfer.fine_tuning import BASE_SHARE, Rate, starts_from_a_head

_ONE_PHASE = {"freeze": "freeze", "scratch": "scratch", None: "as_is"}


def fine_tune_arguments(recipe: Recipe, epochs: int, steps: int, solvable: bool) -> dict[str, Any]:
    """Returns the arguments of `fine_tune` that say what trains, how fast and how long.

    Args:
        recipe: The choices.
        epochs: Of all phases together; solving the head takes none of them.
        steps: Batches an epoch, for a schedule.
        solvable: Whether the head can be solved.
    """
    settings = dict(recipe.transfer_settings)
    if recipe.transfer == "svm":
        return {"strategy": Strategy("svm", "as the recipe says", settings)}
    optimizer = make_optimizer(recipe.optimizer, recipe.optimizer_settings)
    rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
    from_a_head = solvable and starts_from_a_head(recipe.transfer)
    head_epochs = settings.pop("head_epochs", None if from_a_head else 0)
    if recipe.transfer in _ONE_PHASE and "until" not in settings:
        scheduled = _scheduled(rate, recipe, epochs, steps)
        return {
            "strategy": _ONE_PHASE[recipe.transfer],
            "optimizer": optimizer,
            "head_epochs": head_epochs,
            "epochs": epochs,
            "learning_rate": scheduled,
            "base_learning_rate": scheduled,
        }
    base = settings.pop("base_learning_rate", BASE_SHARE * rate)
    all_layers = epochs - (head_epochs or 0)
    return {
        "strategy": "fine_tune",
        "optimizer": optimizer,
        "head_epochs": head_epochs,
        "epochs": all_layers,
        "learning_rate": rate,
        "base_learning_rate": _scheduled(base, recipe, all_layers, steps),
        **settings,
    }


def _scheduled(rate: float, recipe: Recipe, epochs: int, steps: int) -> Rate:
    """Returns the rate of a phase, which the schedule lets fall, or the same for all of it."""
    if recipe.schedule is None:
        return rate
    settings = recipe.schedule_settings
    warmup = settings.get("warmup_epochs", 0)
    if warmup >= epochs:
        raise ValueError(
            "`warmup_epochs` should leave epochs for the rate to fall in. Received: "
            f"warmup_epochs={warmup}, and {epochs} epochs."
        )
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else rate,
        decay_steps=(epochs - warmup) * steps,
        alpha=settings.get("alpha", 0.0),
        warmup_target=rate if warmup else None,
        warmup_steps=warmup * steps,
    )
