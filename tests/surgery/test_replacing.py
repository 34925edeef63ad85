"""Another normalization in a whole model: what changes, and that nothing else does."""

import inspect
import re

import keras
import numpy as np
import oracle
import pytest
from backends import once
from keras import layers
from surgery.reading import by_path, one_layer, paths_of, state
from surgery.surgery_models import MODELS, SHAPE, data, functional, outputs, randomised
from transfer.freezing_models import Foreign

from kerasnorm import normalization as norms
from kerasnorm.models._leaves import every_layer
from kerasnorm.surgery import freeze_statistics, replace_normalization

KERAS = (layers.BatchNormalization, layers.LayerNormalization)
OURS = (norms.BatchNormalization, norms.LayerNormalization)
pytestmark = pytest.mark.filterwarnings("ignore:.*cannot be replaced")


@once
@pytest.mark.parametrize("kind", MODELS)
def test_the_given_model_is_as_it_was_and_all_else_is_kept(kind):
    model = randomised(kind)
    before, weights = state(model), by_path(model)
    expected = paths_of(model, *KERAS, *OURS)
    new, report = replace_normalization(model, "group")
    assert state(model) == before
    assert report.replaced == expected and not report.kept and not report.refused
    assert paths_of(new, norms.GroupNormalization) == expected
    assert not paths_of(new, *KERAS, *OURS)
    for path, value in by_path(new).items():
        np.testing.assert_array_equal(value, weights[path])  # γ and β are among them
    gone = {path for path in weights if path.rpartition("/")[2].startswith("moving_")}
    assert set(by_path(new)) == set(weights) - gone
    theirs, ours = every_layer(model), every_layer(new)
    assert [leaf.path for leaf in ours] == [leaf.path for leaf in theirs]
    assert not {id(leaf.layer) for leaf in ours} & {id(leaf.layer) for leaf in theirs}
    first, second = (keras.tree.map_structure(np.shape, m(data(kind))) for m in (model, new))
    assert first == second


@once
@pytest.mark.parametrize("kind", ["nested", "shared", "wrapped", "masked", "subclassed"])
def test_our_batch_normalization_computes_what_keras_does(kind):
    model = randomised(kind)
    new, _ = replace_normalization(model, "batch", layers.BatchNormalization)
    assert not paths_of(new, layers.BatchNormalization)
    for mine, theirs in zip(outputs(new, kind), outputs(model, kind), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(
    ("to", "axes", "groups"),
    [("group", (1, 2), 24), ("instance", (1, 2), None), ("layer", (3,), None)],
)
def test_the_output_equals_the_formula(rng, to, axes, groups):
    model = one_layer(layers.BatchNormalization(epsilon=0.1), (5, 6, 48))
    gamma, beta = rng.uniform(0.5, 2, (2, 48)).astype("float32")
    model.layers[0].gamma.assign(gamma)
    model.layers[0].beta.assign(beta)
    new, report = replace_normalization(model, to)
    x = rng.normal(2, 3, (4, 5, 6, 48)).astype("float32")
    expected = oracle.normalize(x, axes, groups=groups, epsilon=0.1, gamma=gamma, beta=beta)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(new(x)), expected, atol=1e-5)
    assert list(report.groups.values()) == ([24] if groups else [])


@once
@pytest.mark.parametrize(
    ("channels", "asked", "groups", "shape"),
    [
        (64, None, 32, (4, 4)),
        (48, None, 24, (4, 4)),
        (30, None, 30, (4, 4)),
        (37, None, 1, (4, 4)),
        (12, 8, 6, (4, 4)),
        (12, -1, -1, (4, 4)),
        (32, None, 16, ()),  # one value a group otherwise
        (6, None, 3, (1, 1)),
    ],
)
def test_groups_are_chosen_and_reported(channels, asked, groups, shape):
    model = one_layer(layers.BatchNormalization(name="bn"), (*shape, channels))
    given = {} if asked is None else {"groups": asked}
    new, report = replace_normalization(model, "group", **given)
    assert new.get_layer("bn").groups == groups
    assert report.groups == ({} if groups == (asked or 32) else {"bn": groups})


def test_statistics_are_carried_where_they_mean_the_same():
    model = one_layer(layers.BatchNormalization(momentum=0.7), (4, 4, 3))
    model.layers[0].moving_mean.assign([1.0, 2.0, 3.0])
    for to in ("batch", "sync_batch", "switchable"):
        layer = replace_normalization(model, to).model.layers[0]
        assert layer.momentum == 0.7
        np.testing.assert_array_equal(layer.moving_mean, [1, 2, 3])
    tracked = replace_normalization(model, "instance", track_statistics=True).model.layers[0]
    np.testing.assert_array_equal(tracked.moving_mean, [0, 0, 0])


@once
def test_arguments_come_from_the_layer_unless_given():
    old = layers.BatchNormalization(
        axis=1,
        epsilon=0.5,
        center=False,
        gamma_regularizer="l1",
        gamma_constraint="non_neg",
        gamma_initializer="zeros",
        dtype="mixed_float16",
        name="bn",
    )
    model = one_layer(old, (4, 6, 6))
    layer = replace_normalization(model, "group", groups=2, epsilon=0.25).model.layers[0]
    assert (layer.axis, layer.epsilon, layer.groups, layer.center) == (1, 0.25, 2, False)
    assert isinstance(layer.gamma_regularizer, keras.regularizers.L1)
    assert isinstance(layer.gamma_constraint, keras.constraints.NonNeg)
    assert isinstance(layer.gamma_initializer, keras.initializers.Zeros)
    assert layer.dtype_policy.name == "mixed_float16" and layer.name == "bn"


FORMS = {
    "name": "group",
    "config": {"class_name": "group", "config": {"groups": 2}},
    "layer": norms.GroupNormalization(2, name="template"),
    "class": norms.GroupNormalization,
    "their class": layers.GroupNormalization,
}


@once
@pytest.mark.parametrize("form", FORMS)
def test_what_to_may_be(form):
    arguments = {"groups": 2} if form in ("name", "class", "their class") else {}
    model = functional()
    new, report = replace_normalization(model, FORMS[form], **arguments)
    layer = new.get_layer("a_bn")
    assert type(layer).__name__ == "GroupNormalization" and layer.groups == 2
    assert type(layer).__module__.startswith("keras." if form == "their class" else "kerasnorm.")
    assert report.replaced == ["a_bn", "b_bn"]


@once
def test_a_template_takes_the_channel_axis_of_the_place():
    model = one_layer(layers.BatchNormalization(axis=1), (4, 6, 6))
    new, _ = replace_normalization(model, norms.GroupNormalization(2))
    assert new.layers[0].axis == 1


WHERE = {
    "regex": "^a_",
    "pattern": re.compile("a_"),
    "predicate": lambda layer: layer.name == "a_bn",
}


@once
@pytest.mark.parametrize("where", WHERE.values(), ids=WHERE)
def test_where(where):
    new, report = replace_normalization(functional(), "layer", where)
    assert (report.replaced, report.kept) == (["a_bn"], ["b_bn"])
    assert type(new.get_layer("b_bn")) is layers.BatchNormalization


@once
def test_where_is_a_class_or_a_nested_path():
    model = randomised("nested")
    _, report = replace_normalization(model, "group", "middle/inner/b")
    assert report.replaced == ["middle/inner/b_bn"]
    mixed = keras.Sequential(
        [keras.Input(SHAPE), layers.LayerNormalization(), layers.BatchNormalization(name="bn")]
    )
    assert replace_normalization(mixed, "group", layers.BatchNormalization).report.replaced == [
        "bn"
    ]


@once
def test_what_is_as_asked_is_kept():
    first, _ = replace_normalization(functional(), "group", groups=2)
    second, report = replace_normalization(first, "group", groups=2)
    assert report.kept == ["a_bn", "b_bn"] and not report.replaced
    assert second is not first
    assert replace_normalization(first, "group", groups=4).report.replaced == ["a_bn", "b_bn"]


def test_the_recipe_of_big_transfer(rng):
    model = randomised("functional")
    kernel = by_path(model)["a_conv/kernel"]
    new, report = replace_normalization(model, "group", groups=2, weight_standardization=True)
    assert report.standardized == ["a_conv", "b_conv"]
    wrapper = new.get_layer("a_conv")
    assert isinstance(wrapper, norms.WeightStandardization)
    x = rng.normal(size=(2, *SHAPE)).astype("float32")
    standard = (kernel - kernel.mean((0, 1, 2))) / np.sqrt(kernel.var((0, 1, 2)) + 1e-10)
    expected = keras.ops.conv(x, standard.astype("float32"), padding="same")
    np.testing.assert_allclose(
        *map(keras.ops.convert_to_numpy, (wrapper(x), expected)), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(wrapper.layer.kernel, kernel)


@once
def test_which_convolutions_are_standardized():
    inputs = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, name="plain")(inputs)
    x = layers.Conv2D(4, 3, activation="sigmoid", name="gate")(x)
    x = layers.BatchNormalization(name="bn")(x)
    model = keras.Model(inputs, layers.Conv2D(2, 1, name="head")(x))
    report = replace_normalization(model, "group", weight_standardization=True).report
    assert report.standardized == ["plain"]
    report = replace_normalization(model, "group", weight_standardization="gate|head").report
    assert report.standardized == ["gate", "head"]


@once
def test_frozen_statistics_go_along_where_there_are_any():
    model = functional()
    freeze_statistics(model)
    batch = replace_normalization(model, "batch").model
    assert freeze_statistics(batch) == []  # they are
    group = replace_normalization(model, "group").model
    assert type(group.get_layer("a_bn")) is norms.GroupNormalization


@once
def test_a_layer_that_cannot_be_it_stays_and_is_named():
    stack = [layers.BatchNormalization(name="map"), layers.Flatten()]
    stack += [layers.BatchNormalization(name="flat"), Foreign(name="foreign")]
    model = keras.Sequential([keras.Input((4, 4, 2)), *stack])
    with pytest.warns(UserWarning, match="'flat': InstanceNormalization would compute each mean"):
        new, report = replace_normalization(model, "instance")
    assert (report.replaced, report.refused) == (["map"], ["flat", "foreign"])
    assert type(new.get_layer("flat")) is layers.BatchNormalization
    assert "Foreign" in report.reasons["foreign"] and "foreign" in str(report)


@once
def test_batch_statistics_do_not_go_into_recurrent_cells():
    new, report = replace_normalization(randomised("recurrent"), "batch")
    assert report.replaced == ["bn"]
    assert {path.rpartition("/")[0] for path in report.refused} >= {"rnn/cell"}
    assert len(paths_of(new, norms.BatchNormalization)) == 1


class Closed(layers.Layer):
    """Cannot be made again: its config lacks what `__init__` needs."""

    def __init__(self, norm, **kwargs):
        super().__init__(**kwargs)
        self.norm = norm

    def build(self, input_shape):
        self.norm.build(input_shape)

    def call(self, inputs):
        return self.norm(inputs)

    def get_config(self):
        return {"name": self.name}


def closed():
    inputs = keras.Input(SHAPE)
    inner = keras.Model(inputs, Closed(layers.BatchNormalization(), name="shut")(inputs), name="in")
    return keras.Model(inputs, inner(layers.BatchNormalization()(inputs)))


def across():
    inner, norm, inputs = (
        keras.Input(SHAPE),
        layers.BatchNormalization(name="bn"),
        keras.Input(SHAPE),
    )
    return keras.Model(inputs, norm(keras.Model(inner, norm(inner), name="in")(inputs)))


REFUSED = [
    (closed, {}, "'in/shut' of class Closed cannot be made again from its config"),
    (across, {}, "The layer at 'bn' is also elsewhere in the model"),
    (lambda: keras.Sequential([layers.BatchNormalization()]), {}, "is not built"),
    (lambda: layers.Dense(3), {}, "should be a keras.Model"),
    (lambda: one_layer(layers.Dense(3), (4,)), {}, "has no normalization layer to replace"),
    (
        lambda: one_layer(layers.BatchNormalization(name="bn"), (4,)),
        {"to": "instance"},
        "'bn': Inst",
    ),
    (functional, {"to": "grup"}, "'batch', 'sync_batch', 'layer'"),
    (functional, {"to": None}, "Received: to=None"),
    (functional, {"to": "group", "group": 3}, "group"),
    (functional, {"to": norms.ConditionalInstanceNormalization}, "num_styles"),
    (functional, {"to": "group", "groups": 0}, "`groups`"),
    (functional, {"where": "zz"}, "`where` matches none of the layers in question"),
    (functional, {"where": "("}, "should be a regex"),
    (functional, {"where": 3}, "where=3"),
    (functional, {"where": layers.Dense}, "There are 'a_bn', 'b_bn'"),
    (functional, {"weight_standardization": "zz"}, "`weight_standardization`"),
]


@once
@pytest.mark.parametrize(("make", "changed", "said"), REFUSED, ids=[r[-1] for r in REFUSED])
def test_refuses_before_anything_is_changed(make, changed, said):
    model = make()
    is_model = isinstance(model, keras.Model) and model.built
    before = state(model) if is_model else None
    with pytest.raises(ValueError) as error:
        replace_normalization(model, **{"to": "group", **changed})
    assert said in str(error.value)
    assert (state(model) if is_model else None) == before


@pytest.mark.skipif(
    "renorm" not in inspect.signature(layers.BatchNormalization).parameters,
    reason="Keras has it since 3.15",
)
def test_batch_renormalization_is_kept(rng, without_tracing):
    norm = layers.BatchNormalization(renorm=True, renorm_momentum=0.8, name="bn")
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5), norm, layers.Dense(2)])
    for variable in norm.weights:
        variable.assign(rng.uniform(0.5, 2, size=variable.shape))
    new, report = replace_normalization(model, "batch")
    ours = new.get_layer("bn")
    assert report.replaced == ["bn"] and isinstance(ours, norms.BatchNormalization)
    assert ours.renorm and ours.renorm_momentum == 0.8 and len(ours.weights) == 7
    x, y = rng.normal(size=(8, 4)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    for each in (model, new):
        each.compile(keras.optimizers.SGD(0.1), "mse")
        each.train_on_batch(x, y)
    for old, twin in zip(model.get_weights(), new.get_weights(), strict=True):
        np.testing.assert_allclose(twin, old, rtol=1e-4, atol=1e-5)
    assert "renorm" not in replace_normalization(model, "group")[0].get_layer("bn").get_config()
