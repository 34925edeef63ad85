"""Datasets at every door: the same answer in batches or not, and the same refusals."""

import functools
import types

import keras
import numpy as np
import pytest
from backends import once
from keras import layers

from kerasnorm import fit
from kerasnorm.data import each_batch, read_batches
from kerasnorm.imbalance import ResampledDataset, count_classes, resample
from kerasnorm.recipe import Recipe, advise
from kerasnorm.recipe.examples import read_examples
from kerasnorm.surgery import recompute_statistics
from kerasnorm.transfer import fine_tune
from kerasnorm.transfer.fine_tuning._feature_batches import FeatureBatches

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


class Legacy(keras.src.legacy.preprocessing.image.Iterator):
    """What Keras' ImageDataGenerator makes: `next` of it never ends, and it shuffles."""

    def __init__(self):
        super().__init__(12, 5, shuffle=True, seed=0)

    def _get_batches_of_transformed_samples(self, rows):
        return X[rows], np.eye(3, dtype="float32")[Y[rows]]


class Endless(Batches):
    num_batches = None


class Empty(Batches):
    num_batches = 0


@functools.cache
def network():
    parts = [layers.Dense(5), layers.BatchNormalization(name="norm"), layers.Dense(3)]
    return keras.Sequential([keras.Input((4,)), *parts])


def model():
    """The same network for every door, since none of them changes it."""
    keras.utils.set_random_seed(0)
    return network()


QUICK = {"seed": 0, "verbose": 0, "jit_compile": False}
PY_DATASETS = {  # which read PyDatasets as they are
    "count_classes": lambda data: count_classes(data).counts,
    "fine_tune": lambda data: fine_tune(
        model(), data, strategy="freeze", epochs=0, head_epochs=1, learning_rate=1e-12, **QUICK
    ).history["loss"],
    "recompute_statistics": lambda data: recompute_statistics(model(), data)["norm"],
}
DOORS = PY_DATASETS | {
    "resample": lambda data: drawn(resample(data)),
    "ResampledDataset": lambda data: drawn(ResampledDataset(data)),
    "advise": lambda data: advise(model(), data, seed=0),
    "fit": lambda data: fit(
        Recipe(transfer="svm"), model(), data, data, epochs=1, **QUICK
    ).evaluation.confusion.sum(axis=1),
}


def drawn(dataset):
    """How many examples of each class an epoch has, whose weights are all 1."""
    labels = np.concatenate([keras.ops.convert_to_numpy(y) for _, y, *_ in dataset])
    return np.bincount(labels if labels.ndim == 1 else labels.argmax(axis=1))


def as_dicts(**parts):
    return tf.data.Dataset.from_tensor_slices(parts)


def of_unknown_length(dataset):
    return dataset.filter(lambda *parts: True)


def loader(pairs=None, **settings):
    torch = pytest.importorskip("torch")
    pairs = [*zip(X, Y.tolist(), strict=True)] if pairs is None else pairs
    return torch.utils.data.DataLoader(pairs, batch_size=5, **settings)


FORMS = {
    "arrays": lambda: (X, Y),
    "lists": lambda: (X.tolist(), Y.tolist()),
    "dict of arrays": lambda: {"image": X, "label": Y},
    "dict of arrays and more": lambda: {"images": X, "labels": Y, "id": Y},
    "list of batches": lambda: [(X[:5], Y[:5]), (X[5:], Y[5:])],
    "single": lambda: single(),
    "batches": lambda: single().batch(5),
    "unknown length": lambda: of_unknown_length(single()),
    "batches of unknown length": lambda: of_unknown_length(single().batch(5)),
    "batches of one size": lambda: single().batch(4, drop_remainder=True),
    "dicts": lambda: as_dicts(image=X, label=Y),
    "batches of dicts": lambda: as_dicts(image=X, label=Y, id=Y).batch(5),
    "PyDataset": lambda: Batches(),
    "ImageDataGenerator": lambda: Legacy(),
    "DataLoader": loader,
    "DataLoader of dicts": lambda: loader(
        [{"image": x, "label": y} for x, y in zip(X, Y.tolist(), strict=True)]
    ),
    "pandas": lambda: (
        pytest.importorskip("pandas").DataFrame(X),
        pytest.importorskip("pandas").Series(Y, index=np.arange(12)[::-1], dtype=object),
    ),
    "polars": lambda: (
        pytest.importorskip("polars").DataFrame(X),
        pytest.importorskip("polars").Series(Y),
    ),
}


@functools.cache
def read_of_batches(door):
    return READERS[door](single().batch(5))


def examples_in(batches):
    """The classes, counted, and the sum of the examples of each class, in any order."""
    x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    y = y if y.ndim == 1 else y.argmax(axis=1)
    return np.concatenate([np.bincount(y), *(x[y == label].sum(axis=0) for label in range(3))])


READERS = {  # what the doors read, without the training behind it
    "count_classes": DOORS["count_classes"],
    "resample": DOORS["resample"],
    "ResampledDataset": DOORS["ResampledDataset"],
    "fine_tune": lambda data: examples_in(each_batch(read_batches("train", data, model(), 5))),
    "fit, advise": lambda data: examples_in(read_examples("train", data, 2).batches()),
}


# of ResampledDataset one form a kind: it reads by the function that resample reads by
OF_BOTH = [
    (form, door)
    for form in FORMS
    for door in READERS
    if door != "ResampledDataset" or form in ("arrays", "batches of dicts", "ImageDataGenerator")
]


@once
@pytest.mark.parametrize(("form", "door"), OF_BOTH)
def test_every_form_at_every_door(form, door):
    np.testing.assert_allclose(READERS[door](FORMS[form]()), read_of_batches(door), rtol=1e-4)


WEIGHTED = {
    "arrays": lambda: (X, Y, np.ones(12)),
    "Dataset": lambda: tf.data.Dataset.from_tensor_slices((X, Y, np.ones(12))).batch(5),
    "PyDataset": lambda: Weighted(),
}


class Weighted(Batches):
    def __getitem__(self, index):
        return *super().__getitem__(index), np.ones(4)


@once
@pytest.mark.parametrize("form", WEIGHTED)
def test_sample_weights_are_used(form):
    """Where all are 1 they change nothing."""
    weighted, expected = DOORS["fine_tune"](WEIGHTED[form]()), answer_for_batches("fine_tune")
    np.testing.assert_allclose(weighted, expected, rtol=1e-4)
    assert DOORS["advise"](WEIGHTED[form]()).recipe == DOORS["advise"]((X, Y)).recipe
    assert read_examples("train", WEIGHTED[form](), 2).weights.tolist() == [1] * 12
    assert DOORS["count_classes"](WEIGHTED[form]()).tolist() == [4, 4, 4]
    assert all(len(batch) == 3 for batch in resample(WEIGHTED[form]()))


@once
@pytest.mark.parametrize("door", sorted(DOORS.keys() - {"recompute_statistics", "count_classes"}))
def test_what_can_be_read_only_once(door):
    with pytest.raises(ValueError, match="is a generator, which can be read only once"):
        DOORS[door](batch for batch in [(X, Y)])


@once
@pytest.mark.parametrize("door", sorted(DOORS.keys() - {"recompute_statistics"}))
def test_dicts_of_other_names(door):
    with pytest.raises(ValueError, match=r"keys 'image' and 'label'.* the keys"):
        DOORS[door]({"image": X, "class": Y})


@once
def test_augmentation_in_a_dataset_reaches_every_epoch(monkeypatch):
    """Features are kept of a Dataset that only shuffles, and of none that changes its examples."""
    kept = []
    original = FeatureBatches.of
    monkeypatch.setattr(
        FeatureBatches, "of", lambda *arguments: kept.append(0) or original(*arguments)
    )

    def tune(data, **settings):
        settings = {"head_epochs": 1, "epochs": 0, **QUICK, **settings}
        fine_tune(model(), data, strategy="freeze", **settings)
        return len(kept), kept.clear()

    shuffled = single().shuffle(12, seed=0).batch(4)
    assert tune(shuffled)[0]
    changed = shuffled.map(lambda x, y: (x + tf.random.normal([4]), y))
    with pytest.warns(UserWarning, match="another pass over `train` has other examples"):
        assert not tune(changed)[0]
    assert not tune(changed, cache=False)[0]


def single():
    return tf.data.Dataset.from_tensor_slices((X, Y))


@functools.cache
def answer_for_batches(door):
    return DOORS[door](single().batch(5))


@pytest.mark.parametrize("door", [pytest.param("count_classes", marks=once), "fine_tune"])
def test_single_examples_or_batches(door):
    np.testing.assert_allclose(DOORS[door](single()), answer_for_batches(door), rtol=1e-4)


@once
@pytest.mark.parametrize("door", PY_DATASETS)
def test_a_py_dataset_is_read_by_its_numbers(door):
    np.testing.assert_allclose(DOORS[door](Batches()), answer_for_batches(door), rtol=1e-4)


@once
@pytest.mark.parametrize("door", DOORS)
def test_what_never_ends(door):
    for data in (single().repeat(), single().batch(5).repeat(), Endless()):
        with pytest.raises(ValueError, match=r"never ends.*`dataset.take\(n\)`"):
            DOORS[door](data)


@once
@pytest.mark.parametrize("door", DOORS)
def test_what_is_empty(door):
    for data in (single().take(0), single().batch(5).take(0), Empty()):
        with pytest.raises(ValueError, match="is empty: it has no examples and no labels"):
            DOORS[door](data)


@once
def test_what_has_a_setting_like_a_method_of_ours_is_none_of_ours():
    """torch's DataLoader has `in_order`, a bool."""
    loader = types.SimpleNamespace(in_order=True)
    with pytest.raises(ValueError, match=r"`train` should be a pair"):
        DOORS["fine_tune"](loader)
