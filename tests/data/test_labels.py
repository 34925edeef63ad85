"""The forms of labels at every door: the same answer as for class numbers, or the same refusal."""

import functools

import keras
import ml_dtypes
import numpy as np
import pytest
from backends import once
from keras import layers

from kerasnorm import fit
from kerasnorm.imbalance import (
    ClassWeights,
    ResampledDataset,
    count_classes,
    resample,
    retrain_classifier,
    sampler,
)
from kerasnorm.recipe import Recipe, advise
from kerasnorm.recipe.examples import read_examples
from kerasnorm.transfer import fine_tune, probe_layers, transferability
from kerasnorm.transfer.tasks import Task

pytestmark = pytest.mark.usefixtures("without_tracing")

Y = np.repeat([0, 1, 2], [6, 4, 3])
X = np.random.default_rng(0).normal(size=(13, 4)).astype("float32") + Y[:, None]
WEIGHTS = ClassWeights({0: 1.0, 1: 2.0, 2: 4.0})


@functools.cache
def network():
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu"), layers.Dense(3)])


def classifier():
    """The same network for every door, since none of them changes it."""
    keras.utils.set_random_seed(0)
    return network()


def drawn(dataset):
    return np.concatenate([keras.ops.convert_to_numpy(x) for x, _ in dataset])


def fine_tuned(y, model=None):
    quick = {"epochs": 0, "head_epochs": 1, "seed": 0, "jit_compile": False, "verbose": 0}
    model = model or classifier()
    return fine_tune(model, (X, y), strategy="freeze", **quick).history["loss"]


def fitted(y):
    recipe = Recipe(transfer="freeze", optimizer="sgd")
    run = fit(recipe, classifier(), (X, y), (X, y), epochs=1, seed=0, verbose=0)
    return run.evaluation.confusion


def advised(y):
    """Its words, as numbers."""
    return [*" ".join(advise(classifier(), (X, y), similarity=0.5).reasons).encode()]


def scores(y):
    found = [getattr(transferability, name)(X, y) for name in ("logme", "h_score", "gbc")]
    theta = keras.ops.convert_to_numpy(keras.ops.softmax(X))
    return [*found, transferability.trans_rate(X, y), transferability.leep(theta, y)]


def retrained(y):
    model = classifier()
    keras.utils.set_random_seed(0)  # of the new layer; the network is drawn by the first who asks
    return retrain_classifier(model, X, y, epochs=1, verbose=0).get_weights()[-2]


# what each door makes of labels of the examples X
NUMBERS = {  # of which class numbers are asked
    "sample_weights": lambda y: WEIGHTS.sample_weights(y),
    "retrain_classifier": retrained,
}
EITHER = {  # which take names as well
    "count_classes": lambda y: count_classes(y).counts,
    "fit": fitted,
    "advise": advised,
    "fine_tune": fine_tuned,
    "resample": lambda y: drawn(resample((X, y))),
    "ResampledDataset": lambda y: drawn(ResampledDataset((X, y))),
    "sampler": lambda y: sampler(y)(0),
}
NAMES = {  # to which one class is as good as another
    "probe_layers": lambda y: probe_layers(classifier(), X, y, "svm", folds=3).rows[0]["accuracy"],
    "scores": scores,
    "nce": lambda y: transferability.nce(Y, y),
    "Task": lambda y: Task("t", y, "classification").targets,
}
DOORS = NUMBERS | EITHER | NAMES
every_door = pytest.mark.parametrize("door", DOORS)


@functools.cache
def answer_for_numbers(door):
    return np.ravel(numpy_of(DOORS[door](Y)))


def numpy_of(value):
    return keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else np.asarray(value)


def check(door, labels, refusal):
    """Each door answers as it does for class numbers, or refuses in these words."""
    if refusal is None:
        found = np.ravel(numpy_of(DOORS[door](labels)))
        np.testing.assert_allclose(found, answer_for_numbers(door), rtol=1e-5, atol=1e-6)
        return
    with pytest.raises(ValueError, match=refusal):
        DOORS[door](labels)


ONE_HOT = np.eye(3)[Y]
WORDS = np.array(["ant", "bee", "cow"])[Y]


def ragged():
    tensorflow = pytest.importorskip("tensorflow")
    return tensorflow.ragged.constant([[0]] * 12 + [[1, 2]])


def changed(first, dtype=float):
    y = Y.astype(dtype)
    y[0] = first
    return y


OF_NUMBERS = {  # the tensor is the backend's own, the rest is the same on each
    "list": Y.tolist(),
    "bytes": Y.astype("uint8"),
    "floats": Y.astype("float32"),
    "column": Y[:, None],
    "bfloat16": Y.astype(ml_dtypes.bfloat16),
    "objects": Y.astype(object),
    "column of objects": Y[:, None].astype(object),
    "tensor": keras.ops.convert_to_tensor(Y),
}
OF_ROWS = {dtype: ONE_HOT.astype(dtype) for dtype in ("float32", "int64", "bool", "object")}
OF_NAMES = {
    "str": WORDS,
    "bytes": WORDS.astype("S"),
    "objects": WORDS.astype(object),
    "column": WORDS[:, None],
}


def pairs(forms, trained):
    """Every form at every door, but of the doors that train, which take a while, only these."""
    return [
        pytest.param(form, door, marks=() if form == "tensor" else once)
        for form in forms
        for door in DOORS
        if form in trained.get(door, forms)
    ]


NUMBERS_TRAINED = {
    "fine_tune": ("list", "tensor"),
    "fit": ("column of objects", "tensor"),
    "retrain_classifier": ("floats", "tensor"),
    "probe_layers": ("objects", "tensor"),
}
ROWS_TRAINED = {
    "fine_tune": ("float32", "object"),
    "fit": ("int64",),
    "retrain_classifier": ("bool",),
}
NAMES_TRAINED = {"probe_layers": ("column",), "fit": ("objects",), "fine_tune": ("str", "bytes")}


@pytest.mark.parametrize(("form", "door"), pairs(OF_NUMBERS, NUMBERS_TRAINED))
def test_class_numbers(form, door):
    check(door, OF_NUMBERS[form], None)


@pytest.mark.parametrize(("dtype", "door"), pairs(OF_ROWS, ROWS_TRAINED))
def test_one_hot_rows(dtype, door):
    check(door, OF_ROWS[dtype], "argmax" if door in NAMES else None)


@pytest.mark.parametrize(("form", "door"), pairs(OF_NAMES, NAMES_TRAINED))
def test_names(form, door):
    refusal = "should be integers here.*strings" if door in NUMBERS else None
    check(door, OF_NAMES[form], refusal)


@once
def test_names_of_classes_in_fit():
    """They name the classes, in a Dataset too; all parts have the same."""
    import tensorflow as tf

    def reported(train, validation):
        recipe = Recipe(transfer="freeze", optimizer="sgd")
        return fit(recipe, classifier(), train, validation, epochs=1, seed=0, verbose=0).evaluation

    data = tf.data.Dataset.from_tensor_slices((X, WORDS))
    found = reported((X, WORDS), data.skip(3).batch(4))
    assert found.class_names == ("ant", "bee", "cow")
    assert found.confusion.sum(axis=1).tolist() == [3, 4, 3]
    found = read_examples("train", data.batch(4), 2)
    assert found.class_names == ("ant", "bee", "cow") and found.classes.tolist() == Y.tolist()
    for validation, refusal in (
        ((X, np.where(WORDS == "bee", "elk", WORDS)), "Label 'elk' of `validation` is none of"),
        ((X, Y), "`validation` should be names, as those of `train`"),
    ):
        with pytest.raises(ValueError, match=refusal):
            reported((X, WORDS), validation)
    with pytest.raises(ValueError, match="`validation` should be numbers, as those of `train`"):
        reported((X, Y), (X, WORDS))


@once
@pytest.mark.parametrize("door", sorted(DOORS.keys() - {"fine_tune", "fit", "retrain_classifier"}))
def test_bools(door):
    found, expected = (numpy_of(DOORS[door](labels)) for labels in (Y > 0, (Y > 0).astype(int)))
    np.testing.assert_array_equal(np.ravel(found), np.ravel(expected))


@once
@pytest.mark.parametrize("door", EITHER)
@pytest.mark.parametrize("mark", [254, 255])
def test_marks_are_no_classes(door, mark):
    """Bytes of no class, which would make 256 classes."""
    y = np.where(Y == 2, mark, Y)
    check(door, y, f"Label {mark}( of `train`)? is outside the classes")


REFUSED = {
    "half": (changed(0.5), r"should be whole numbers\. Received: 0\.5"),
    "nan": (changed(np.nan), r"should be whole numbers\. Received: nan"),
    "infinity": (changed(np.inf), r"should be whole numbers\. Received: inf"),
    "nan among objects": (changed(np.nan, object), r"should be whole numbers\. Received: nan"),
    "none": (changed(None, object), "should be an array of integers.*dtype object"),
    "numbers and names": (changed("ant", object), "should be an array of integers.*dtype object"),
    "dates": (Y.astype("datetime64[D]"), "should be an array of integers.*datetime64"),
    "ragged": ([[0, 1], [2]], "could not be read as an array"),
    "RaggedTensor": (ragged(), "could not be read as an array: it is a RaggedTensor"),
}


@once
@every_door
@pytest.mark.parametrize("form", REFUSED)
def test_what_is_no_label(form, door):
    check(door, *REFUSED[form])


@once
@pytest.mark.parametrize("door", NUMBERS | EITHER)
@pytest.mark.parametrize("label", [-1, 2**40])
def test_what_is_no_class_number(door, label):
    refusal = "outside the classes|would make as many classes" if label > 0 else "Label -1"
    check(door, changed(label, int), refusal)


@once
@pytest.mark.parametrize("door", NAMES)
def test_gaps_between_classes_and_negative_ones(door):
    check(door, 10 * Y - 7, None)


@once
@every_door
def test_several_classes_an_example(door):
    rows = ONE_HOT.copy()
    rows[0] = 1
    if door == "count_classes":
        assert DOORS[door](rows).tolist() == [6, 5, 4]
    elif door == "sample_weights":
        assert DOORS[door](rows)[0] == pytest.approx(7 / 3)
    elif door == "fine_tune":
        check(door, rows, "sum to 1. Received: a sum of 3 in row 0. .* sigmoid")
    elif door == "advise":  # several labels
        assert "each label by itself" in bytes(DOORS[door](rows)).decode()
    elif door == "fit":
        assert DOORS[door](rows).sum(axis=(1, 2)).tolist() == [13, 13, 13]
    else:
        check(door, rows, "argmax" if door in NAMES else "one class")


@once
@every_door
def test_soft_rows(door):
    rows = 0.8 * ONE_HOT + 0.2 / 3
    if door == "fine_tune":  # which learns shares
        assert not np.allclose(DOORS[door](rows), answer_for_numbers(door))
        return
    check(door, rows, {"sample_weights": "0 and 1 only"}.get(door, "argmax|whole|one class"))


def sigmoid():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), layers.Dense(1, "sigmoid")])


@once
def test_a_sigmoid_learns_0_and_1():
    expected = fine_tuned(Y % 2, sigmoid())
    for labels in ((Y % 2).astype(object), Y[:, None] % 2 == 1):
        assert fine_tuned(labels, sigmoid()) == expected


@once
@pytest.mark.parametrize(
    ("labels", "refusal"),
    [
        (Y % 2 * 2 - 1, "should be 0 and 1. Received: -1"),
        (Y % 2 + 1, "should be 0 and 1. Received: 2"),
        (Y % 2 * 255, "should be 0 and 1. Received: 255"),
        (np.eye(2)[Y % 2], r"each of the 1 outputs of a sigmoid. Received: shape \(13, 2\)"),
        (WORDS, "should be 0 and 1. Received: 2"),
        (changed(np.nan), "Received: nan"),
    ],
)
def test_what_a_sigmoid_cannot_learn(labels, refusal):
    with pytest.raises(ValueError, match=refusal):
        fine_tuned(labels, sigmoid())


@once
@pytest.mark.parametrize("rows", [[[5, 3, 1]], [[-2, 7, 0]], [[2, -1, 0]]])
def test_rows_that_are_no_shares(rows):
    with pytest.raises(ValueError, match="labels of `train` should be 0 and 1"):
        fine_tune(classifier(), (X[:1], np.array(rows)), jit_compile=False, verbose=0)
