"""A search of seconds, for the tests of tuning."""

import keras
from recipe.recipe_models import points

from kerasnorm.tuning import RecipeHyperModel, log, search

TRAIN, HELD_OUT = points((18, 9, 5), seed=0), points((6, 5, 4), seed=1)  # a step an epoch
SPACE = {
    "imbalance": [None, "class_weights", "resample"],
    "imbalance_settings.scheme": ["balanced", "sqrt"],
    "optimizer_settings.learning_rate": log(1e-3, 1e-1),
}
CONTRADICTION = {"transfer_settings.head_epochs": [5]}  # more than there are epochs


def layer():
    """The smallest model there is."""
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="head")])


class Trainings(keras.callbacks.Callback):
    """Counts trainings, though every trial gets a copy of its own."""

    def __init__(self):
        super().__init__()
        self.begun = []

    def __deepcopy__(self, memo):
        return self

    def on_train_begin(self, logs=None):
        self.begun.append(self.params["epochs"])


def hypermodel(space=SPACE, model_fn=layer, **kwargs):
    return RecipeHyperModel(model_fn, space, **kwargs)


def quick_search(model=None, **kwargs):
    arguments = {"max_trials": 3, "epochs": 1, "seed": 0, "verbose": 0, **kwargs}
    return search(model or hypermodel(), TRAIN, HELD_OUT, **arguments)


def told(found):
    """What the trials of a search say, their durations aside."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in found.trials]
