"""Datasets at every door: the same answer in batches or not, and the same refusals."""

import functools
import types

import keras
import numpy as np
import pytest
from backends import once
from keras import layers

from kerasnorm import fit
from kerasnorm.imbalance import count_classes, resample
from kerasnorm.recipe import Recipe
from kerasnorm.surgery import recompute_statistics
from kerasnorm.transfer import fine_tune

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.usefixtures("without_tracing")

Y = np.arange(12) % 3
X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")


class Batches(keras.utils.PyDataset):
    """Batches of four, which an iterator of it would never end to yield, as in old Keras."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(4 * (index % 3), 4 * (index % 3) + 4)
        return X[rows], Y[rows]


class Endless(Batches):
    num_batches = None


class Empty(Batches):
    num_batches = 0


def model():
    keras.utils.set_random_seed(0)
    parts = [layers.Dense(5), layers.BatchNormalization(name="norm"), layers.Dense(3)]
    return keras.Sequential([keras.Input((4,)), *parts])


QUICK = {"seed": 0, "verbose": 0}
PY_DATASETS = {
    "count_classes": lambda data: count_classes(data).counts,
    "fine_tune": lambda data: fine_tune(
        model(), data, strategy="freeze", epochs=1, learning_rate=1e-12, **QUICK
    ).history["loss"][:1],
    "recompute_statistics": lambda data: recompute_statistics(model(), data)["norm"],
}
DOORS = PY_DATASETS | {
    "resample": lambda data: sum(len(y) for _, y in resample(data)),
    "fit": lambda data: fit(
        Recipe(transfer="freeze"), model(), data, data, epochs=1, **QUICK
    ).evaluation.confusion.sum(axis=1),
}


def single():
    return tf.data.Dataset.from_tensor_slices((X, Y))


@functools.cache
def answer_for_batches(door):
    return DOORS[door](single().batch(5))


@pytest.mark.parametrize(
    "door",
    [pytest.param("count_classes", marks=once), "fine_tune", pytest.param("fit", marks=once)],
)
def test_single_examples_or_batches(door):
    np.testing.assert_allclose(DOORS[door](single()), answer_for_batches(door), rtol=1e-4)


@once
@pytest.mark.parametrize("door", PY_DATASETS)
def test_a_py_dataset_is_read_by_its_numbers(door):
    np.testing.assert_allclose(DOORS[door](Batches()), answer_for_batches(door), rtol=1e-4)


@once
def test_resample_draws_single_examples():
    assert DOORS["resample"](single()) == 12
    with pytest.raises(ValueError, match=r"`dataset.unbatch\(\)`"):
        DOORS["resample"](single().batch(5))


@once
@pytest.mark.parametrize("door", DOORS)
def test_what_never_ends(door):
    for data in [single().repeat(), *([Endless()] if door in PY_DATASETS else [])]:
        with pytest.raises(ValueError, match=r"never ends.*`dataset.take\(n\)`"):
            DOORS[door](data)


@once
@pytest.mark.parametrize("door", DOORS)
def test_what_is_empty(door):
    for data in [single().take(0), *([Empty()] if door in PY_DATASETS else [])]:
        with pytest.raises(ValueError, match="is empty: it has no examples and no labels"):
            DOORS[door](data)


@once
def test_what_has_a_setting_like_a_method_of_ours_is_none_of_ours():
    """torch's DataLoader has `in_order`, a bool."""
    loader = types.SimpleNamespace(in_order=True)
    with pytest.raises(ValueError, match=r"`train` should be a pair"):
        DOORS["fine_tune"](loader)
