"""class_weights against the formulas in float64, and ClassWeights wherever labels meet weights."""

import copy
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from backends import once
from batches import Batches
from sklearn.utils.class_weight import compute_class_weight

from kerasnorm.imbalance import ClassCounts, ClassWeights, class_weights, count_classes

COUNTS = np.array([900, 90, 10])
WEIGHTS = ClassWeights({0: 0.5, 1: 1.5, 2: 4.0})
IGNORING = ClassWeights(WEIGHTS, ignore_class=255)
MAPS = np.array([[[0, 1], [2, 255]], [[255, 0], [0, 2]]])
MAP_WEIGHTS = np.array([[[0.5, 1.5], [4, 0]], [[0, 0.5], [0.5, 4]]])

RAW = {
    "balanced": [1000 / (3 * 900), 1000 / (3 * 90), 1000 / (3 * 10)],
    "inverse": [1 / 900, 1 / 90, 1 / 10],
    "sqrt": [1 / 30, 1 / np.sqrt(90), 1 / np.sqrt(10)],
    "effective_number": [1 / sum(0.9999**i for i in range(n)) for n in (900, 90, 10)],
    "median_frequency": [90 / 900, 1, 90 / 10],
    "log": [1 / np.log(1.02 + p) for p in (0.9, 0.09, 0.01)],
}


def values(weights):
    return np.array([weights[c] for c in range(len(weights))])


@once
@pytest.mark.parametrize(("scheme", "raw"), RAW.items())
def test_schemes(scheme, raw):
    raw = np.array(raw)
    by_mean = class_weights(COUNTS, scheme)
    by_expectation = class_weights(ClassCounts(COUNTS), scheme, normalize="expected")
    np.testing.assert_allclose(values(class_weights(COUNTS, scheme, normalize=None)), raw)
    np.testing.assert_allclose(values(by_mean), raw * 3 / raw.sum())
    np.testing.assert_allclose(values(by_expectation), raw * 1000 / (COUNTS @ raw))
    assert sum(by_mean.values()) == pytest.approx(3)
    assert COUNTS @ values(by_expectation) == pytest.approx(1000)


@once
def test_balanced_is_that_of_scikit_learn():
    y = np.repeat([0, 1, 2], COUNTS)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
    for normalize in ("expected", None):
        weights = class_weights(count_classes(y), normalize=normalize)
        np.testing.assert_allclose(values(weights), expected)


@once
@pytest.mark.parametrize(
    ("beta", "n", "expected"),
    [(0.9999999, 10**6, 1 / 951_625.8596), (0.0, 5, 1.0), (0.9999, 1, 1.0), (0.5, 10**6, 0.5)],
)
def test_effective_number_is_safe(beta, n, expected):
    weights = class_weights([n], "effective_number", beta=beta, normalize=None)
    assert weights[0] == pytest.approx(expected, rel=1e-6)


@once
def test_median_frequency_of_maps_is_over_the_images_with_the_class():
    counts = count_classes(MAPS, ignore_class=255)
    frequencies = np.array([3 / 6, 1 / 3, 2 / 6])  # 3 pixels count in each image
    weights = class_weights(counts, "median_frequency", normalize=None)
    np.testing.assert_allclose(values(weights), np.median(frequencies) / frequencies)


@once
@pytest.mark.parametrize("scheme", RAW)
def test_absent_class_is_an_error_or_zero(scheme):
    with pytest.raises(ValueError, match=r'class 1, so .*missing="zero"'):
        class_weights([8, 0, 2], scheme)
    weights = class_weights([8, 0, 2], scheme, normalize=None, missing="zero")
    assert weights[1] == 0.0
    others = class_weights([8, 2], scheme, normalize=None)
    assert [weights[0], weights[2]] == [others[0], others[1]]
    assert sum(class_weights([8, 0, 2], scheme, missing="zero").values()) == pytest.approx(3)


@once
def test_ignored_class_is_not_missing():
    weights = class_weights(count_classes([0, 0, 1, 2], ignore_class=0))
    assert weights == {0: 0.0, 1: 1.5, 2: 1.5}
    assert weights.sample_weights([0, 2]).tolist() == [0.0, 1.5]


@once
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheme": "focal"}, "'balanced', 'inverse'"),
        ({"normalize": "sum"}, "normalize"),
        ({"missing": "ignore"}, "missing"),
        ({"beta": 1.0}, "beta"),
        ({"beta": -0.1}, "beta"),
        ({"beta": np.nan}, "beta"),
        ({"counts": [0, 0]}, "counts"),
        ({"counts": [1, -1]}, "counts"),
        ({"counts": [0.5, 1]}, "counts"),
        ({"counts": {-1: 3}}, "counts"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        class_weights(**{"counts": COUNTS, **arguments})


@once
def test_is_a_plain_dict_to_others():
    weights = class_weights(COUNTS)
    assert all(type(c) is int and type(w) is float for c, w in weights.items())
    for twin in (pickle.loads(pickle.dumps(IGNORING)), copy.deepcopy(IGNORING)):
        assert twin == WEIGHTS and twin.ignore_class == 255


@once
@pytest.mark.parametrize("bad", [{}, {1: 1.0}, {0: 1.0, 1: np.nan}, {0: -1.0}, {0: np.inf}])
def test_weights_that_are_none(bad):
    with pytest.raises(ValueError, match="every class"):
        ClassWeights(bad)


def test_as_tensor():
    tensor = WEIGHTS.as_tensor()
    assert (
        keras.ops.is_tensor(tensor) and keras.backend.standardize_dtype(tensor.dtype) == "float32"
    )
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(tensor), [0.5, 1.5, 4])
    assert keras.backend.standardize_dtype(WEIGHTS.as_tensor("float16").dtype) == "float16"


# (weights, labels, the weight of each)
LABELS = {
    "numbers": (WEIGHTS, np.array([0, 2, 1]), [0.5, 4, 1.5]),
    "column": (WEIGHTS, np.array([[0], [2], [1]], "uint8"), [[0.5], [4], [1.5]]),
    "floats": (WEIGHTS, np.array([0.0, 2.0]), [0.5, 4]),
    "ignored": (IGNORING, np.array([0, 255], "uint8"), [0.5, 0]),
    "maps": (IGNORING, MAPS, MAP_WEIGHTS),
    "maps with channel": (IGNORING, MAPS[..., None], MAP_WEIGHTS[..., None]),
    "sequences, B=T": (WEIGHTS, np.array([[0, 1], [2, 0]]), [[0.5, 1.5], [4, 0.5]]),
    "sequences, B=T=K": (IGNORING, np.eye(3, dtype=int), np.eye(3) + 0.5),
    "one-hot": (WEIGHTS, np.eye(3)[[2, 0]], [4, 0.5]),
    "multilabel": (WEIGHTS, np.array([[1, 0, 1], [0, 1, 0]]), [2.25, 1.5]),
    "one-hot maps": (WEIGHTS, np.eye(3)[[[0, 1], [2, 2]]], [[0.5, 1.5], [4, 4]]),
    "integer maps as wide as K": (WEIGHTS, np.ones((2, 3, 3), int), np.full((2, 3, 3), 1.5)),
    "binary columns": (ClassWeights({0: 1.0, 1: 3.0}), np.array([[False], [True]]), [[1], [3]]),
}

# (weights, labels, what the message says)
REFUSED = {
    "negative": (WEIGHTS, np.array([0, -1]), r"Label -1 is outside the classes 0 to 2"),
    "K": (WEIGHTS, np.array([0, 3]), r"Label 3 is outside"),
    "255": (WEIGHTS, np.array([[[0, 255]]]), r"Label 255 .*ignore_class=255"),
    "another is ignored": (IGNORING, np.array([[[254, 255]]]), r"Label 254"),
    "half": (WEIGHTS, np.array([0, 0.5]), r"whole numbers. Received: 0\.5"),
    "soft": (WEIGHTS, np.array([[0.5, 0.5, 0]]), r"0 and 1 only. Received: 0\.5"),
    "sequences, T=K": (WEIGHTS, np.array([[0, 1, 2]]), r"Received: 2\."),
    "no class": (WEIGHTS, np.array([[0, 1, 0], [0, 0, 0]]), r"Row 1 .* no 1"),
}


@pytest.mark.parametrize(("weights", "y", "expected"), LABELS.values(), ids=LABELS)
def test_sample_weights(weights, y, expected):
    got = weights.sample_weights(y)
    assert isinstance(got, np.ndarray)
    np.testing.assert_array_equal(got, expected, strict=False)
    assert got.shape == np.shape(expected)
    tensor = weights.sample_weights(keras.ops.convert_to_tensor(y))
    assert keras.ops.is_tensor(tensor)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(tensor), expected)


@pytest.mark.parametrize(("weights", "y", "message"), REFUSED.values(), ids=REFUSED)
def test_sample_weights_refuses(weights, y, message):
    with pytest.raises(ValueError, match=message):
        weights.sample_weights(y)


@once
@pytest.mark.parametrize("y", [np.array(["a"]), np.array([]), None])
def test_sample_weights_refuses_what_is_no_number(y):
    with pytest.raises(ValueError, match=r"[Ll]abels"):
        WEIGHTS.sample_weights(y)


def test_sample_weights_needs_values():
    if keras.config.backend() != "tensorflow":
        pytest.skip("tf.function is TensorFlow's")
    with pytest.raises(ValueError, match="with values"):
        tf.function(WEIGHTS.sample_weights)(tf.constant([0, 1]))


def parts_of(y, *existing):
    """Images for label maps, else vectors; 5 is the length of nothing else."""
    x = np.zeros((len(y), *(y.shape[1:3] if y.ndim > 2 else (5,)), 5), "float32")
    return x, y, *existing


def dataset_of(*parts):
    return tf.data.Dataset.from_tensor_slices(parts_of(*parts))


# what the parts are mapped as: single examples, batches of so many, or a PyDataset of them
FORMS = {"examples": (None, False), "batches": (2, False), "PyDataset": (2, True)}


def in_form(form, parts):
    batch, py_dataset = form
    if py_dataset:
        return Batches(parts, batch)
    dataset = tf.data.Dataset.from_tensor_slices(parts)
    return dataset.batch(batch) if batch else dataset


def weights_in(form, dataset):
    """The weights of all examples, in the structure of the labels."""
    batches = [w for *_, w in (dataset if form[1] else dataset.as_numpy_iterator())]
    join = np.concatenate if form[0] else np.stack
    return keras.tree.map_structure(lambda *leaves: join(leaves), *batches)


# batches of one example, and fewer examples than a batch, of labels that differ in their rank
ODD = [
    ((size, py_dataset), labels)
    for size, py_dataset in [(1, False), (64, False), (1, True), (64, True)]
    for labels in ("maps with channel", "sequences, B=T=K")
]
RANKS = ("numbers", "column", "maps with channel", "sequences, B=T=K", "multilabel")


@once
@pytest.mark.parametrize(
    ("form", "labels"),
    [
        *((FORMS["examples"], labels) for labels in RANKS),
        *((FORMS[form], labels) for form in ("batches", "PyDataset") for labels in LABELS),
        *ODD,
    ],
)
def test_map(form, labels):
    weights, y, expected = LABELS[labels]
    plain = in_form(form, parts_of(y))
    dataset = weights.map(plain)
    if form[1]:
        assert len(dataset) == dataset.num_batches == len(plain)
        for mapped, batch in zip(dataset, plain, strict=True):
            assert all(a is b for a, b in zip(mapped[:2], batch, strict=True))
    else:
        assert dataset.element_spec[:2] == plain.element_spec
        assert int(dataset.cardinality()) == int(plain.cardinality())
    got = weights_in(form, dataset)
    np.testing.assert_allclose(got, expected)
    assert got.dtype == "float32"


@once
@pytest.mark.parametrize(
    ("form", "reason"),
    [
        *(("examples", reason) for reason in ("negative", "soft", "no class")),
        *((form, reason) for form in ("batches", "PyDataset") for reason in REFUSED),
    ],
)
def test_map_refuses_with_the_same_text(form, reason):
    form, (weights, y, message) = FORMS[form], REFUSED[reason]
    dataset = weights.map(in_form(form, parts_of(y)))
    message = message if form[0] else message.replace("Row 1", "Row 0")
    with pytest.raises(ValueError if form[1] else tf.errors.InvalidArgumentError, match=message):
        list(dataset)


@once
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    ("y", "existing"),
    [
        (MAPS, np.array([2.0, 3.0])),
        (MAPS, np.arange(8.0).reshape(2, 2, 2)),
        (MAPS, np.array([[2.0], [3.0]]).reshape(2, 1, 1)),
        (MAPS[..., None], np.arange(8.0).reshape(2, 2, 2)),
        (np.array([0, 1]), np.array([2.0, 3.0])),
        (np.array([0, 1]), np.array([[2.0], [3.0]])),
        (np.array([[0], [1]]), np.array([2.0, 3.0])),
        (np.array([0, 1]), np.array([2, 3])),
    ],
)
def test_map_multiplies_the_weights_that_are_there(y, existing, form):
    got = weights_in(form, IGNORING.map(in_form(form, parts_of(y, existing))))
    own = IGNORING.sample_weights(y)
    aligned = existing.reshape(existing.shape[: y.ndim] + (1,) * (y.ndim - existing.ndim))
    if existing.ndim > y.ndim:
        aligned = existing[:, 0]
    np.testing.assert_allclose(got, own * aligned)
    assert got.shape == y.shape
    assert got.dtype == (existing.dtype if existing.dtype.kind == "f" else "float32")


class Given(keras.utils.PyDataset):
    """One batch."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.batch


Y = np.array([0, 1])


@once
@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (tf.data.Dataset.range(3), "yield"),
        ([(0, 1)], "tf.data.Dataset or a keras.utils.PyDataset"),
        (dataset_of(np.array(["a", "b"])), "string"),
        (dataset_of(Y, np.ones((2, 3))).batch(2), "first axes"),
        (dataset_of(MAPS % 3, np.ones((2, 3))).batch(2), "first axes"),
        (dataset_of(Y).map(lambda x, y: (x, {"a": {"b": y}})), "yield"),
        (dataset_of(Y).map(lambda x, y: (x, (y, y), {"a": 1.0})), "yield"),
        (dataset_of(Y).map(lambda x, y: (x, (y, y), (1.0,))), "yield"),
        (dataset_of(Y).map(lambda x, y: (x, (y, tf.as_string(y)))), "string"),
        (Given(Y), r"\(x, y\).*ndarray \(2,\)"),
        (Given((Y,)), r"\(x, y\)"),
        (Given((Y, np.array(["a", "b"]))), "string"),
        (Given((Y, Y, np.ones((2, 3)))), "first axes"),
        (Given((Y, MAPS % 3, np.ones((2, 3)))), "first axes"),
        (Given((Y, Y, np.ones(3))), "first axes"),
        (Given((Y, {"a": {"b": Y}})), "one for each"),
        (Given((Y, (Y, Y), {"a": Y})), "one for each"),
        (Given((Y, (Y, Y), (Y,))), "one for each"),
    ],
)
def test_map_refuses_other_datasets(dataset, message):
    with pytest.raises(ValueError, match=message):
        list(WEIGHTS.map(dataset))


OUTPUTS = {"class": np.array([2, 0]), "map": MAPS, "size": np.array([[0.5], [1.5]], "float32")}
OWN = {"class": np.array([4, 0.5]), "map": MAP_WEIGHTS, "size": np.ones(2)}
GIVEN = np.array([2.0, 3.0], "float32")


DICT, TUPLE = list(OUTPUTS), range(3)
ONE, EACH = [GIVEN] * 3, [GIVEN, 2 * GIVEN, 3 * GIVEN]


@once
@pytest.mark.parametrize(
    ("form", "names", "existing"),
    [
        ("examples", DICT, ONE),
        ("examples", TUPLE, EACH),
        ("batches", DICT, EACH),
        ("batches", TUPLE, None),
        ("PyDataset", DICT, None),
        ("PyDataset", TUPLE, ONE),
    ],
)
def test_map_weighs_the_named_outputs_and_no_other(form, names, existing):
    form = FORMS[form]

    def structure(parts):
        return dict(zip(names, parts, strict=True)) if "map" in names else tuple(parts)

    parts = [np.zeros((2, 2, 2, 1), "float32"), structure(OUTPUTS.values())]
    if existing is not None:
        parts.append(GIVEN if existing[1] is GIVEN else structure(existing))
    weights = weights_in(
        form, IGNORING.map(IGNORING.map(in_form(form, tuple(parts)), names[1]), names[0])
    )
    for name, own, factor in zip(names, OWN.values(), existing or [np.ones(2)] * 3, strict=True):
        expected = own * factor.reshape(2, *[1] * (own.ndim - 1))
        np.testing.assert_allclose(weights[name], expected)


@once
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_map_weighs_all_outputs_unless_one_is_named(form):
    y = (np.array([0, 2]), np.array([[1, 1, 0], [0, 0, 1]]))
    x = np.zeros((2, 5))
    first, second = weights_in((2, form[1]), WEIGHTS.map(in_form((2, form[1]), (x, y))))
    np.testing.assert_allclose([first, second], [[0.5, 4], [1, 4]])
    wrong = WEIGHTS.map(in_form(form, (x, (y[0], y[0] + 1))))
    error = ValueError if form[1] else tf.errors.InvalidArgumentError
    with pytest.raises(error, match="Label 3 is outside"):
        list(wrong)
    with pytest.raises(ValueError, match="output"):
        list(WEIGHTS.map(in_form(form, (x, y)), "a"))


@once
def test_fit_with_several_outputs():
    """The loss is that of two fits, where one output is weighed and the other is not."""
    x = np.random.default_rng(0).normal(size=(4, 2)).astype("float32")
    y = {"a": np.array([0, 2, 1, 0]), "b": np.array([1.0, 2, 3, 4], "float32")[:, None]}
    inputs = keras.Input((2,))
    outputs = {"a": keras.layers.Dense(3, name="a"), "b": keras.layers.Dense(1, name="b")}
    model = keras.Model(inputs, {name: layer(inputs) for name, layer in outputs.items()})
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.0), {"a": cross_entropy, "b": "mse"}, run_eagerly=True)
    logits = keras.ops.convert_to_numpy(model(x)["a"]).astype("float64")
    norm = np.log(np.exp(logits).sum(-1))
    losses = (norm - logits[range(4), y["a"]]) * np.array([0.5, 4, 1.5, 0.5])
    squares = (keras.ops.convert_to_numpy(model(x)["b"]) - y["b"]) ** 2
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
    loss = model.fit(WEIGHTS.map(dataset, "a"), shuffle=False, verbose=0).history["loss"][0]
    assert loss == pytest.approx(losses.mean() + squares.mean(), rel=1e-5)


def linear(units=3):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, "softmax")])
    model.layers[0].set_weights([np.linspace(-1, 1, 2 * units).reshape(2, units), np.zeros(units)])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", run_eagerly=True)
    return model


def test_fit_takes_the_dict_the_sample_weights_and_the_map_alike():
    x = np.random.default_rng(0).normal(size=(6, 2)).astype("float32")
    y = np.array([0, 0, 2, 1, 0, 2])
    settings = {"epochs": 2, "shuffle": False, "verbose": 0}
    arrays = {**settings, "batch_size": 6}
    plain = tf.data.Dataset.from_tensor_slices((x, y)).batch(6)
    losses = [
        linear().fit(x, y, class_weight=WEIGHTS, **arrays).history["loss"],
        linear().fit(x, y, sample_weight=WEIGHTS.sample_weights(y), **arrays).history["loss"],
        linear().fit(WEIGHTS.map(plain), **settings).history["loss"],
        linear().fit(WEIGHTS.map(Batches((x, y), 6)), **settings).history["loss"],
        linear()
        .fit(WEIGHTS.map(tf.data.Dataset.from_tensor_slices((x, y))).batch(6), **settings)
        .history["loss"],
    ]
    unweighted = linear().fit(x, y, **arrays).history["loss"]
    np.testing.assert_allclose(losses, [losses[0]] * 5, rtol=1e-5)
    assert abs(losses[0][0] - unweighted[0]) > 0.1


@once
def test_fit_on_label_maps():
    images = np.random.default_rng(0).normal(size=(2, 2, 2, 1)).astype("float32")
    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Conv2D(3, 1)])
    model.compile(
        keras.optimizers.SGD(0.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=255),
        run_eagerly=True,
    )
    logits = keras.ops.convert_to_numpy(model(images)).astype("float64")
    clean = np.where(MAPS == 255, 0, MAPS)
    norm = np.log(np.exp(logits).sum(-1))
    losses = norm - np.take_along_axis(logits, clean[..., None], -1)[..., 0]
    dataset = tf.data.Dataset.from_tensor_slices((images, MAPS)).batch(2)
    loss = model.fit(IGNORING.map(dataset), shuffle=False, verbose=0).history["loss"][0]
    total = (losses * MAP_WEIGHTS).sum()
    # Keras divides by the positions that are not ignored, or by all of them: its business
    assert any(loss == pytest.approx(total / n, rel=1e-4) for n in (6, 8))


@once
def test_sequences_as_long_as_there_are_classes_keep_their_shape():
    """(N, T) with T = K looks like one-hot; the labels that were counted tell."""
    y = np.array([[0, 1, 2], [0, 0, 1]])
    weights = class_weights(count_classes(y))
    expected = np.vectorize(weights.get)(y)
    np.testing.assert_allclose(weights.sample_weights(y), expected)
    dataset = tf.data.Dataset.from_tensor_slices((np.zeros((2, 3, 1)), y)).batch(2)
    ((_, _, mapped),) = weights.map(dataset).as_numpy_iterator()
    np.testing.assert_allclose(mapped, expected, rtol=1e-6)
    one_hot = keras.utils.to_categorical(y[0], 3)
    np.testing.assert_allclose(weights.sample_weights(one_hot), expected[0])
