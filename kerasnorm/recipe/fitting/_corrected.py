"""What a recipe does after training."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerasnorm.imbalance import ClassCounts, adjust_logits, retrain_classifier, tau_normalize
from kerasnorm.recipe._recipe import Recipe
from kerasnorm.recipe.examples import Examples, FileExamples
from kerasnorm.transfer.fine_tuning import compile_ready

Correction = Callable[..., keras.Model]


def _retrain(model: keras.Model, counts: ClassCounts, train: Examples, **settings: Any) -> Any:
    x, labels = train.in_memory().data
    return retrain_classifier(model, x, labels, batch_size=train.batch_size, verbose=0, **settings)


_CORRECTIONS: dict[str, Correction] = {
    "adjust_logits": lambda model, counts, train, **settings: adjust_logits(
        model, counts, **settings
    ),
    "tau_normalize": lambda model, counts, train, tau=1.0: tau_normalize(model, tau),
    "retrain_classifier": _retrain,
}


def check_correctable(recipe: Recipe, counts: ClassCounts, train: Examples) -> None:
    """Refuses, before training, what cannot be corrected after it.

    Raises:
        ValueError: If a class without an example would be given infinite logits, or examples that
            have to be in memory are in files.
    """
    if recipe.correction == "retrain_classifier" and isinstance(train, FileExamples):
        raise ValueError(
            "correction='retrain_classifier' needs the examples in memory, arrays or a Dataset. "
            f"Received: {type(train.data).__name__}. Choose another correction."
        )
    absent = np.flatnonzero(counts.counts == 0)
    if recipe.correction == "adjust_logits" and len(absent):
        raise ValueError(
            "correction='adjust_logits' divides by the share of each class in training, and "
            f"there is no example of class {', '.join(map(str, absent))}. Leave these classes "
            "out, or choose another correction."
        )


def corrected(
    model: keras.Model, recipe: Recipe, counts: ClassCounts, train: Examples
) -> keras.Model:
    """Returns the model after the recipe's correction, compiled; the same one without any."""
    if recipe.correction is None:
        return model
    correct = _CORRECTIONS[recipe.correction]
    new = correct(model, counts, train, **recipe.correction_settings)
    optimizer = type(model.optimizer).from_config(model.optimizer.get_config())
    compile_ready(new, optimizer, loss=model.loss, jit_compile=model.jit_compile)
    return new
