"""Figures are those of the epoch, and a training that diverges says so."""

import keras
import numpy as np
import pytest
from backends import once
from recipe.recipe_models import perceptron, points

from kerasnorm.recipe import Recipe, fit
from kerasnorm.transfer import fine_tune

pytestmark = pytest.mark.usefixtures("without_tracing")
TRAIN, HELD_OUT = points(), points((3, 9, 9), seed=1)


class Unsaved(keras.metrics.SparseCategoricalAccuracy):
    """A metric that cannot be made again from a config."""

    def __init__(self, needed):
        super().__init__(name="accuracy")
        self.needed = needed

    def get_config(self):
        return {}


def tuned(metric, **kwargs):
    keras.utils.set_random_seed(3)
    settings = {"head_epochs": 1, "epochs": 2, "seed": 0, "jit_compile": False, "verbose": 0}
    return fine_tune(perceptron(3), TRAIN, HELD_OUT, metrics=[metric], **{**settings, **kwargs})


@pytest.mark.parametrize("make", [keras.metrics.SparseCategoricalAccuracy, lambda name: Unsaved(1)])
def test_a_metric_counts_one_epoch_at_a_time(make):
    """In the first epoch of each phase, and when the model is first evaluated."""
    metric = make(name="accuracy")
    metric.update_state([0] * 1000, np.eye(3)[[1] * 1000])
    found, named = tuned(metric), tuned("accuracy")
    for name in ("accuracy", "val_accuracy"):
        assert found.history[name] == pytest.approx(named.history[name])
    first, second = (found.model.evaluate(*HELD_OUT, verbose=0)[1] for _ in range(2))
    assert first == second == pytest.approx(found.history["val_accuracy"][-1])


@once
def test_a_metric_that_is_monitored_counts_one_epoch():
    found = tuned(keras.metrics.SparseCategoricalAccuracy("accuracy"), monitor="accuracy")
    assert found.history["accuracy"] == pytest.approx(tuned("accuracy").history["accuracy"])


@pytest.mark.parametrize("monitor", [None, "val_accuracy"])
def test_a_training_that_diverges_says_so_and_keeps_what_it_had(monitor):
    rates = {"learning_rate": 1e-3, "base_learning_rate": 1e36, "optimizer": "sgd"}
    with pytest.warns(UserWarning, match=r"diverged in epoch 1, .*loss is (nan|inf)"):
        found = tuned("accuracy", epochs=5, monitor=monitor, **rates)
    before = tuned("accuracy", epochs=0, learning_rate=1e-3, optimizer="sgd", monitor=monitor)
    for one, other in zip(found.model.get_weights(), before.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(found.history["loss"]) == 2 and not np.isfinite(found.history["loss"][1])


@once
@pytest.mark.parametrize(
    ("train", "held_out", "said"),
    [
        ((24, 9, 5), (6, 5, 0), r"`validation` has no example of class '2', which `train` has"),
        ((24, 9, 0), (6, 5, 4), r"`train` has no example of class '2', which `validation` has"),
    ],
)
def test_classes_that_a_part_has_not_are_named(train, held_out, said):
    recipe = Recipe(transfer="freeze", loss="balanced_softmax")
    with pytest.warns(UserWarning, match=said):
        fit(recipe, perceptron(3), points(train), points(held_out, 1), 1, verbose=0, classes=3)
