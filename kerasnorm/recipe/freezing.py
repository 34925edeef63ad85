"""What a recipe's transfer chapter trains."""

import warnings

import keras

from kerasnorm.recipe.recipe import Recipe
from kerasnorm.surgery.heads import find_head
from kerasnorm.transfer import freeze, unfreeze


def set_trainable(model: keras.Model, recipe: Recipe, head_only: bool = False) -> None:
    """Freezes and unfreezes the layers of a model as the recipe says; compile it afterwards.

    With `head_only` all below the head is frozen, as for the first epochs of "fine_tune".
    """
    if recipe.transfer is None:
        return
    head, settings = find_head(model), recipe.transfer_settings
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is compiled")  # `fit` compiles it again
        if head_only:
            unfreeze(model, 0, "train")
            freeze(model, lambda layer: layer is not head)
        elif recipe.transfer == "freeze":
            unfreeze(model, 0, "train")
            until = settings.get("until", lambda layer: layer is not head)
            freeze(model, until, settings.get("batchnorm", "inference"))
        else:
            unfreeze(model, 0, settings.get("batchnorm", "train"))
            unfreeze(model, lambda layer: layer is head, "train")
            if "until" in settings:
                freeze(model, settings["until"])
