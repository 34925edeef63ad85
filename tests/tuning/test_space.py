"""What is drawn, and in which recipes."""

import collections

import keras_tuner
import numpy as np
import pytest
from backends import once
from tuning.tuning_models import hypermodel

from kerasnorm.recipe import Recipe
from kerasnorm.tuning import integers, linear, log, spaces

pytestmark = once


def draws(space, recipe=None, count=25):
    """The recipes of random trials."""
    model = hypermodel(space, recipe=recipe)
    hp = keras_tuner.HyperParameters()
    model.declare_hyperparameters(hp)
    oracle = keras_tuner.oracles.RandomSearchOracle(seed=1, hyperparameters=hp)
    recipes = []
    for _ in range(count):
        trial = hp.copy()
        trial.values = oracle.populate_space("0")["values"]
        recipes.append(model.recipe_of(trial))
    return recipes


@pytest.mark.parametrize(
    ("field", "choices"),
    [
        ("normalization", [None, "layer", "group"]),
        ("transfer_settings.until", [0, 1, 1.0, 0.5, "top"]),
        ("optimizer_settings.clipnorm", [None, 1.0]),
        ("optimizer_settings.amsgrad", [True, False]),
        ("optimizer_settings.learning_rate", np.array([1e-3, 1e-2]).tolist()),
        ("transfer_settings.head_epochs", list(np.arange(3))),
    ],
)
def test_choices_keep_their_types(field, choices):
    """keras-tuner takes no None, and makes 1, 1.0 and True one."""
    owner, _, key = field.partition(".")
    drawn = [getattr(recipe, owner) for recipe in draws({field: choices})]
    drawn = {repr(value[key] if key else value) for value in drawn}
    assert drawn == {repr(value.item() if hasattr(value, "item") else value) for value in choices}


def test_a_list_is_a_choice():
    space = {"normalization": ["layer"], "normalization_settings.axis": [[1, 2], -1]}
    drawn = {recipe.normalization_settings["axis"] for recipe in draws(space)}
    assert drawn == {(1, 2), -1}


@pytest.mark.parametrize(
    ("values", "kind"), [(linear(0.2, 0.4), float), (log(1e-6, 1e-1), float), (integers(1, 3), int)]
)
def test_ranges(values, kind):
    key = "head_epochs" if kind is int else "until"
    drawn = [r.transfer_settings[key] for r in draws({f"transfer_settings.{key}": values})]
    assert {type(value) for value in drawn} == {kind}
    assert values.low <= min(drawn) and max(drawn) <= values.high
    if kind is int:
        assert {*drawn} == {1, 2, 3}
    if values.scale == "log":
        assert np.mean(np.array(drawn) < 1e-3) > 0.3


CONDITIONAL = {
    "normalization": [None, "layer", "group"],
    "normalization_settings.groups": [2, 4],
    "normalization_settings.epsilon": log(1e-5, 1e-2),
}
BETA = {
    "imbalance_settings.beta": [0.9, 0.99],
    "imbalance": [None, "class_weights", "resample"],
    "imbalance_settings.threshold": linear(0.1, 0.5),
    "imbalance_settings.scheme": ["balanced", "effective_number"],
    "imbalance_settings.strategy": ["repeat_factor", "class_balanced"],
}


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (CONDITIONAL, {None: "", "layer": "epsilon", "group": "groups epsilon"}),
        (
            BETA,
            {
                None: "",
                "balanced": "scheme",
                "effective_number": "scheme beta",
                "repeat_factor": "strategy threshold",
                "class_balanced": "strategy",
            },
        ),
    ],
)
def test_a_setting_is_drawn_where_the_recipe_has_it(space, expected):
    chapter = "normalization" if space is CONDITIONAL else "imbalance"
    found = collections.defaultdict(set)
    for recipe in draws(space):
        settings = getattr(recipe, f"{chapter}_settings")
        kind = settings.get("scheme", settings.get("strategy", getattr(recipe, chapter)))
        found[kind].add(frozenset(settings))
    assert found == {kind: {frozenset(keys.split())} for kind, keys in expected.items()}


def test_a_name_has_its_own_values():
    """And so a name of its own in keras-tuner, which may draw two of one name from one range."""
    rates = {"adam": log(1e-5, 1e-4), "sgd": log(1e-2, 1e-1)}
    space = {"optimizer_settings.learning_rate": rates, "optimizer": ["adam", "sgd", "lion"]}
    for recipe in draws(space):
        if recipe.optimizer == "lion":
            assert not recipe.optimizer_settings
        else:
            own = rates[recipe.optimizer]
            assert own.low <= recipe.optimizer_settings["learning_rate"] <= own.high
    hp = keras_tuner.HyperParameters()
    hypermodel(space).declare_hyperparameters(hp)
    assert len({parameter.name for parameter in hp.space}) == 3


def test_the_base_gives_the_rest():
    settings = {"transfer_settings": {"head_epochs": 2, "until": 0.5}}
    base = Recipe("layer", "fine_tune", "resample", "sgd", **settings)
    for recipe in draws({"transfer": ["fine_tune", "freeze"]}, base):
        assert (recipe.normalization, recipe.imbalance, recipe.optimizer) == base_names(base)
        kept = {"until": 0.5}
        if recipe.transfer == "fine_tune":
            kept["head_epochs"] = 2
        assert recipe.transfer_settings == kept


def base_names(base):
    return base.normalization, base.imbalance, base.optimizer


REFUSED = [
    ({}, "at least one"),
    ([("optimizer", ["adam"])], "should be a dict"),
    ({"optimiser": ["adam"]}, "'optimizer'.*Received: 'optimiser'"),
    ({"optimizer_settings": [{}]}, "Received: 'optimizer_settings'"),
    ({"optimizer.learning_rate": [0.1]}, "Received: 'optimizer.learning_rate'"),
    ({"optimizer_settings.": [0.1]}, "Received: 'optimizer_settings.'"),
    ({"optimizer": []}, "one or more"),
    ({"optimizer": ["adam", "adam"]}, "all different"),
    ({"optimizer": "adam"}, "list of choices"),
    ({"optimizer_settings.momentum": {"sgd": {"sgd": [0.9]}}}, "list of choices"),
    ({"optimizer": ["adam", "adan"]}, "optimizer='adan'.*'adamw'"),
    ({"optimizer": {"adam": ["sgd"]}}, "a setting's can be"),
    ({"normalization": [object()]}, "object"),
    ({"optimizer_settings.lr": [0.1]}, "lr=0.1.*it has 'learning_rate'"),
    ({"optimizer_settings.learning_rate": [0.1, -0.1]}, "learning_rate=-0.1"),
    ({"optimizer_settings.learning_rate": linear(0, 1)}, "learning_rate=0"),
    ({"normalization_settings.groups": [8]}, "normalization=None"),
    ({"imbalance_settings.beta": [0.9], "imbalance": ["class_weights"]}, "belongs to scheme"),
    (
        {"optimizer": ["adam"], "optimizer_settings.momentum": {"sgd": [0.9]}},
        "'sgd'.*one of 'adam'",
    ),
]


@pytest.mark.parametrize(("space", "message"), REFUSED)
def test_wrong_input_is_refused(space, message):
    with pytest.raises(ValueError, match=message):
        hypermodel(space)


@pytest.mark.parametrize(
    ("make", "ends"),
    [
        (linear, (1, 1)),
        (linear, (0, float("inf"))),
        (log, (0, 1)),
        (log, (1, "2")),
        (integers, (1, 1)),
        (integers, (0.5, 2)),
    ],
)
def test_ranges_refuse(make, ends):
    with pytest.raises(ValueError, match=r"`(low|high)`"):
        make(*ends)


READY = ["normalizations", "freeze_depths", "layer_decays", "rates", "imbalances", "losses"]


@pytest.mark.parametrize("name", [*READY, "everything"])
def test_ready_spaces_have_no_contradictions(name):
    recipes = draws(getattr(spaces, name)())
    assert len({*recipes}) > 4


def test_join_refuses_a_field_named_twice():
    with pytest.raises(ValueError, match="'imbalance'"):
        spaces.join(spaces.rates(), spaces.imbalances(), {"imbalance": [None]})
