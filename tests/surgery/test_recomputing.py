"""Statistics of a whole population."""

import inspect

import keras
import numpy as np
import oracle
import pytest
from backends import once
from keras import layers
from surgery.reading import one_layer, paths_of, state
from surgery.surgery_models import MODELS, SHAPE, data, functional, randomised
from transfer.freezing_models import OwnBatchNorm

from kerasnorm import normalization as norms
from kerasnorm.surgery import freeze_statistics, recompute_statistics

BATCH = (layers.BatchNormalization, norms.BatchNormalization)


def batches(x, *ends):
    return np.split(x, ends)


@pytest.mark.parametrize(
    ("make", "mean"),
    [*zip(BATCH, (0, 1e4), strict=True), (norms.SyncBatchNormalization, 1e3), (OwnBatchNorm, 0)],
)
def test_exact_for_batches_of_unequal_size(rng, make, mean):
    model = one_layer(make(name="bn"), (5, 3))
    x = rng.normal(mean, [1, 2, 3], (37, 5, 3)).astype("float32")
    found = recompute_statistics(model, batches(x, 3, 4, 20))
    assert [*found] == ["bn"]
    expected, variance, _ = oracle.statistics(x, (0, 1))
    np.testing.assert_allclose(found["bn"][0], expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(found["bn"][1], variance, rtol=1e-4)
    layer = model.layers[0]
    np.testing.assert_allclose(layer.moving_mean, found["bn"][0], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, found["bn"][1], rtol=1e-6)


def normalized(x):
    return oracle.normalize(x, tuple(range(x.ndim - 1)), epsilon=1e-3)


def test_each_layer_gets_what_the_batch_statistics_before_it_give(rng):
    """The oracle: the batches by hand, through float64 NumPy."""
    inputs = keras.Input((4,))
    x = layers.BatchNormalization(name="first")(inputs)
    dense = layers.Dense(3, name="dense", activation="relu")
    model = keras.Model(inputs, layers.BatchNormalization(name="second")(dense(x)))
    data = rng.normal(2, 3, (20, 4)).astype("float32")
    found = recompute_statistics(model, batches(data, 6, 8))
    kernel = keras.ops.convert_to_numpy(dense.kernel).astype("float64")
    deep = [np.maximum(normalized(batch) @ kernel, 0) for batch in batches(data, 6, 8)]
    deep = np.concatenate(deep)
    np.testing.assert_allclose(found["second"][0], deep.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found["second"][1], deep.var(0), rtol=1e-5)


@once
@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "recurrent"])
def test_models_of_every_kind(kind):
    model = randomised(kind)
    found = recompute_statistics(model, data(kind, 5))
    assert [*found] == paths_of(model, *BATCH)
    values = {weight.path: keras.ops.convert_to_numpy(weight) for weight in model.weights}
    means = [value for path, value in values.items() if path.endswith("moving_mean")]
    for value, (mean, variance) in zip(means, found.values(), strict=True):
        np.testing.assert_allclose(value, mean, rtol=1e-5, atol=1e-6)
        assert np.all(variance >= 0)


def test_a_shared_layer_sees_all_it_is_given(rng):
    norm, inputs = layers.BatchNormalization(name="bn"), keras.Input((2,))
    model = keras.Model(inputs, layers.add([norm(inputs), norm(3.0 * inputs)]))
    x = rng.normal(1, 1, (10, 2)).astype("float32")
    mean, variance = recompute_statistics(model, batches(x, 4))["bn"]
    seen = np.concatenate([x, 3 * x]).astype("float64")
    np.testing.assert_allclose(mean, seen.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, seen.var(0), rtol=1e-5)


def test_padding_does_not_count():
    model = MODELS["masked"]()
    x = data("masked", 6)
    mean, variance = recompute_statistics(model, batches(x, 4))["bn"]
    np.testing.assert_allclose(mean, x[:, :5].astype("float64").mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(variance, x[:, :5].astype("float64").var((0, 1)), rtol=1e-5)


def test_dropout_is_off_and_frozen_layers_count_too(rng):
    stack = [layers.Dropout(0.9), layers.BatchNormalization(name="bn", trainable=False)]
    model = keras.Sequential([keras.Input((3,)), *stack])
    freeze_statistics(model)
    x = rng.normal(2, 1, (50, 3)).astype("float32")
    mean, variance = recompute_statistics(model, x)["bn"]
    np.testing.assert_allclose(mean, x.astype("float64").mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, x.astype("float64").var(0), rtol=1e-5)
    assert freeze_statistics(model) == [] and not model.get_layer("bn").trainable


def test_the_unbiased_variance_where_the_layer_has_it(rng):
    model = one_layer(norms.BatchNormalization(unbiased=True, name="bn"), (3,))
    x = rng.normal(size=(5, 3)).astype("float32")
    variance = recompute_statistics(model, batches(x, 2))["bn"][1]
    np.testing.assert_allclose(variance, x.astype("float64").var(0, ddof=1), rtol=1e-5)


def test_inference_then_standardizes_the_population(rng):
    model = one_layer(layers.BatchNormalization(epsilon=1e-6), (3,))
    x = rng.normal(50, 4, (64, 3)).astype("float32")
    recompute_statistics(model, x)
    y = keras.ops.convert_to_numpy(model(x, training=False))
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(y.std(0), 1, atol=1e-4)


class Pairs(keras.utils.PyDataset):
    def __init__(self, x):
        super().__init__()
        self.x = x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        return self.x[index], np.zeros(len(self.x[index]))


def tf_data(x, *more):
    tf = pytest.importorskip("tensorflow")
    return tf.data.Dataset.from_tensor_slices((x, *more) if more else x).batch(32)


FORMS = {
    "array": lambda x: x,
    "tensor": lambda x: keras.ops.convert_to_tensor(x),
    "pair": lambda x: (x, np.zeros(len(x))),
    "list of batches": lambda x: batches(x, 32, 64),
    "list of pairs": lambda x: [(part, 0, 0) for part in batches(x, 32, 64)],
    "generator": lambda x: (part for part in batches(x, 32, 64)),
    "PyDataset": lambda x: Pairs(batches(x, 32, 64)),
    "tf.data of x": lambda x: tf_data(x),
    "tf.data of x and y": lambda x: tf_data(x, np.zeros(len(x))),
    "endless": lambda x: tf_data(x).repeat(),
}

FORMS_OF_ARRAYS = ("array", "tensor", "pair")


@once
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("steps", [None, 2])
def test_what_a_dataset_may_be(rng, form, steps):
    x = rng.normal(size=(70, 3)).astype("float32")
    model = one_layer(layers.BatchNormalization(name="bn"), (3,))
    if form == "endless" and steps is None:
        with pytest.raises(ValueError, match="never ends"):
            recompute_statistics(model, FORMS[form](x))
        return
    # arrays are shuffled, so that two batches of them are any
    order = np.random.default_rng(0).permutation(70) if form in FORMS_OF_ARRAYS else np.arange(70)
    seen = x.astype("float64")[order[: 64 if steps else None]]
    mean, variance = recompute_statistics(model, FORMS[form](x), steps)["bn"]
    np.testing.assert_allclose(mean, seen.mean(0), atol=1e-6)
    np.testing.assert_allclose(variance, seen.var(0), rtol=1e-5)


@once
@pytest.mark.parametrize("kind", ["several", "listed"])
def test_several_inputs(kind):
    model = MODELS[kind]()
    whole = recompute_statistics(model, data(kind, 8))
    parts = [keras.tree.map_structure(lambda x, i=i: x[i : i + 4], data(kind, 8)) for i in (0, 4)]
    cut = recompute_statistics(model, [(part, None) for part in parts])
    assert [*whole] == [*cut]
    np.testing.assert_allclose(cut["a_bn"], whole["a_bn"], rtol=1e-4, atol=1e-5)


def bad_batch(value):
    x = np.ones((4, *SHAPE), "float32")
    x[1, 2, 3, 1] = value
    return x


REFUSED = [
    (functional, [], None, "has 0 batches"),
    (functional, [np.ones((2, *SHAPE))], 2, "has 1 batches, and steps=2"),
    (functional, [np.ones((2, *SHAPE))], 0, "`steps`"),
    (functional, 3, None, "Received: int"),
    (functional, bad_batch(np.nan), None, "'a_bn' are not finite"),
    (functional, bad_batch(np.inf), None, "are not finite"),
    (lambda: one_layer(layers.Dense(2), (3,)), np.ones((2, 3)), None, "no batch normalization"),
    (MODELS["listed"], [np.ones((2, *SHAPE)), np.ones((3, *SHAPE))], None, "the same number"),
]


@once
@pytest.mark.parametrize(
    ("make", "dataset", "steps", "said"), REFUSED, ids=[r[-1] for r in REFUSED]
)
def test_refuses_and_changes_nothing(make, dataset, steps, said):
    model = make()
    before = state(model)
    with pytest.raises(ValueError) as error:
        recompute_statistics(model, dataset, steps)
    assert said in str(error.value) and state(model) == before
    assert all("call" not in vars(layer) for layer in model.layers)


class CellWithStatistics(layers.SimpleRNNCell):
    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.norm = layers.BatchNormalization(name="norm")

    def build(self, input_shape):
        super().build(input_shape)
        self.norm.build((None, self.units))

    def call(self, inputs, states, training=False):
        output, _ = super().call(inputs, states, training=training)
        output = self.norm(output, training=False)
        return output, [output]


@once
def test_inside_a_recurrent_layer_is_refused():
    stack = [layers.RNN(CellWithStatistics(3, name="cell"), name="rnn")]
    model = keras.Sequential([keras.Input((4, 2)), *stack])
    with pytest.raises(ValueError, match="'rnn/cell/norm' is inside a recurrent layer"):
        recompute_statistics(model, np.ones((2, 4, 2), "float32"))


@once
def test_arrays_are_shuffled_as_a_sorted_folder_would_give_batches_of_one_class(rng):
    inputs = keras.Input((2,))
    x = layers.ReLU()(layers.BatchNormalization(name="first")(inputs))
    model = keras.Model(inputs, layers.BatchNormalization(name="second")(x))
    y = np.repeat([0, 1], 320)
    data = (rng.normal(0, 0.1, (640, 2)) + 4 * y[:, None]).astype("float32")
    mean, _ = recompute_statistics(model, (data, y))["second"]
    deep = np.maximum((data - data.mean(0)) / data.std(0), 0)
    np.testing.assert_allclose(mean, deep.mean(0), rtol=0.05)
    again, _ = recompute_statistics(model, data)["second"]
    np.testing.assert_array_equal(mean, again)


@once
def test_a_probe_says_what_it_did(rng):
    model = one_layer(norms.BatchNormalization(name="bn"), (3,))
    x = rng.normal(5, 2, (40, 3)).astype("float32")
    found = recompute_statistics(model, x, probe=lambda model: abs(float(np.mean(model(x)))))
    assert found.probe[0] > 3 and found.probe[1] < 1e-3
    assert recompute_statistics(model, x).probe is None


@pytest.mark.parametrize("cls", BATCH)
def test_batch_renormalization_goes_on_from_the_new_statistics(cls, rng):
    if cls is layers.BatchNormalization and "renorm" not in inspect.signature(cls).parameters:
        pytest.skip("Keras has it since 3.15")
    model = keras.Sequential([keras.Input((3,)), cls(renorm=True, epsilon=1e-3, name="bn")])
    x = rng.normal(2, 3, size=(64, 3)).astype("float32")
    recompute_statistics(model, x)
    norm = model.layers[0]
    mean, deviation = x.mean(0), np.sqrt(x.var(0) + 1e-3)
    for name in ("moving_mean", "renorm_mean"):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(getattr(norm, name)), mean, rtol=1e-4)
    for name in ("moving_stddev", "renorm_stddev"):
        found = keras.ops.convert_to_numpy(getattr(norm, name))
        np.testing.assert_allclose(found, deviation, rtol=1e-4)
