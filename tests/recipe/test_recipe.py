"""The value: what it accepts, refuses, and how it travels."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest
from backends import once

from kerasnorm.recipe import Recipe

pytestmark = once

RECIPES = [
    Recipe(),
    Recipe(None, None, None, "sgd"),
    Recipe("group", "freeze", "resample", normalization_settings={"groups": 8}),
    Recipe(
        imbalance="resample",
        imbalance_settings={"strategy": "repeat_factor", "threshold": 0.1},
    ),
    Recipe("layer", normalization_settings={"axis": [1, 2, 3], "epsilon": 1e-3}),
    Recipe("batch", normalization_settings={"momentum": np.float32(0.5)}),
    Recipe("sync_batch", normalization_settings={"momentum": 0.9, "axis_name": "data"}),
    Recipe(
        transfer_settings={"head_epochs": np.int64(2), "until": "block_[12]", "batchnorm": "train"},
        imbalance="class_weights",
        imbalance_settings={"scheme": "effective_number", "beta": 0.99, "normalize": None},
        optimizer="adamw",
        optimizer_settings={"learning_rate": 0.1 + 0.2, "amsgrad": True},
    ),
    Recipe(transfer="freeze", transfer_settings={"until": 0.5}),
    Recipe(transfer="freeze", transfer_settings={"until": 3}),
    Recipe(transfer="svm", transfer_settings={"estimator": "logistic"}),
    Recipe(
        "group",
        "fine_tune",
        None,
        "sgd",
        "logit_adjusted",
        normalization_settings={"groups": 4, "weight_standardization": True},
        transfer_settings={
            "decay": 0.5,
            "blocks": ["conv1", "conv2"],
            "gradual": 2,
            "base_learning_rate": 1e-4,
        },
        loss_settings={"tau": 0.5},
        schedule="cosine",
        schedule_settings={"warmup_epochs": 1, "alpha": 0.1},
    ),
    Recipe(correction="adjust_logits", correction_settings={"tau": 2}),
    Recipe(loss="seesaw", imbalance="resample", imbalance_settings={"strategy": "square_root"}),
    Recipe(augmentation="flip", patience=np.int64(3), image_size=96, mixed_precision="float16"),
    Recipe(augmentation="strong", augmentation_settings={"mode": None, "zoom": 0.5}),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_round_trips(recipe):
    text = recipe.to_json()
    back = Recipe.from_json(text)
    assert back == recipe and hash(back) == hash(recipe) and back.to_json() == text
    assert [type(v) for v in back.transfer_settings.values()] == [
        type(v) for v in recipe.transfer_settings.values()
    ]
    assert pickle.loads(pickle.dumps(recipe)) == recipe == copy.deepcopy(recipe)


def test_cannot_change():
    given = {"groups": 8}
    recipe = Recipe("group", normalization_settings=given)
    given["groups"] = 4
    assert recipe.normalization_settings == {"groups": 8}
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.normalization = "batch"
    with pytest.raises(TypeError):
        recipe.normalization_settings["groups"] = 4


def test_reads_as_text():
    settings = {"normalization_settings": {"groups": 8}, "transfer_settings": {"until": "block2"}}
    recipe = Recipe("group", "freeze", None, "sgd", **settings)
    assert str(recipe) == (
        "normalization: group (groups=8); transfer: freeze (until=block2); imbalance: none; "
        "loss: cross_entropy; correction: none; optimizer: sgd; schedule: none"
    )
    assert eval(repr(recipe)) == recipe
    more = Recipe(augmentation="light", augmentation_settings={"shift": 0.2}, patience=3)
    assert str(more).endswith("schedule: none; augmentation: light (shift=0.2); patience: 3")
    assert [more.describe(name) for name in ("image_size", "mixed_precision")] == ["as is", "none"]


REFUSED = [
    ({"normalization": "bach"}, "'batch', 'sync_batch', 'layer', 'instance', 'group'"),
    ({"normalization": 3}, "normalization=3"),
    ({"normalization": "group", "normalization_settings": {"group": 8}}, "'group'"),
    ({"normalization": "group", "normalization_settings": {"groups": 0}}, "groups"),
    ({"normalization_settings": {"groups": 8}}, "'groups'"),
    ({"transfer": "finetune"}, "'fine_tune', 'freeze', 'svm', 'scratch'"),
    ({"transfer": "scratch", "transfer_settings": {"until": 3}}, "'until'"),
    ({"transfer": "freeze", "transfer_settings": {"head_epochs": 3}}, "'head_epochs'"),
    ({"transfer": None, "transfer_settings": {"batchnorm": "train"}}, "'batchnorm'"),
    ({"transfer_settings": {"head_epochs": -1}}, "head_epochs=-1"),
    ({"transfer_settings": {"until": 1.5}}, "until=1.5"),
    ({"transfer_settings": {"until": True}}, "until=True"),
    ({"transfer_settings": {"batchnorm": "frozen"}}, "'inference'"),
    ({"imbalance": "focal"}, "'class_weights', 'resample'"),
    ({"imbalance_settings": {"scheme": "sqrt"}}, "'scheme'"),
    ({"imbalance": "resample", "imbalance_settings": {"scheme": "sqrt"}}, "'scheme'"),
    ({"imbalance": "resample", "imbalance_settings": {"strategy": "balance"}}, "'class_balanced'"),
    ({"imbalance": "resample", "imbalance_settings": {"strategy": "repeat_factor"}}, "threshold"),
    ({"imbalance": "class_weights", "imbalance_settings": {"scheme": "root"}}, "'sqrt'"),
    ({"imbalance": "class_weights", "imbalance_settings": {"beta": 0.9}}, "effective_number"),
    ({"normalization_settings": {"weight_standardization": True}}, "'weight_standardization'"),
    ({"transfer_settings": {"decay": 0}}, "decay=0"),
    ({"transfer_settings": {"gradual": 1}}, "Give `decay` too"),
    ({"transfer_settings": {"decay": 0.5, "gradual": 0}}, "gradual=0"),
    ({"transfer_settings": {"decay": 0.5, "blocks": "conv1"}}, "list of regexes"),
    ({"transfer_settings": {"decay": 0.5, "blocks": [1]}}, "list of regexes"),
    ({"transfer_settings": {"decay": 0.5, "blocks": ["["]}}, "not a regex"),
    ({"transfer_settings": {"base_learning_rate": -1}}, "base_learning_rate=-1"),
    ({"transfer": "svm", "transfer_settings": {"estimator": "tree"}}, "'logistic'"),
    ({"loss": "dice"}, "'balanced_softmax'"),
    ({"loss_settings": {"tau": 1}}, "'tau'"),
    ({"loss": "logit_adjusted", "loss_settings": {"tau": -1}}, "tau=-1"),
    ({"correction": "bias"}, "'adjust_logits'"),
    ({"correction": "tau_normalize", "correction_settings": {"tau": -1}}, "tau=-1"),
    ({"schedule": "linear"}, "'cosine'"),
    ({"schedule_settings": {"alpha": 0.1}}, "'alpha'"),
    ({"schedule": "cosine", "schedule_settings": {"alpha": 2}}, "alpha=2"),
    ({"imbalance": "resample", "loss": "balanced_softmax"}, "imbalance='resample', loss='bal"),
    ({"imbalance": "class_weights", "correction": "adjust_logits"}, "correction='adjust_logits'"),
    ({"loss": "logit_adjusted", "correction": "tau_normalize"}, "favour the rare ones"),
    ({"transfer": "svm", "schedule": "cosine"}, "schedule='cosine'"),
    ({"transfer": "svm", "optimizer_settings": {"learning_rate": 0.1}}, "trains no epochs"),
    ({"optimizer": None}, "'adam'"),
    ({"optimizer": "adamm"}, "'adam'"),
    ({"optimizer_settings": {"lr": 0.1}}, "'lr'"),
    ({"optimizer_settings": {"learning_rate": 0}}, "learning_rate=0"),
    ({"optimizer_settings": {"learning_rate": float("nan")}}, "learning_rate=nan"),
    ({"optimizer_settings": {"learning_rate": np.ones(2)}}, "learning_rate"),
    ({"optimizer_settings": [("learning_rate", 1)]}, "mapping"),
    ({"augmentation": "flips"}, "'flip', 'light', 'strong'"),
    ({"augmentation": "flip", "augmentation_settings": {"shift": 0.1}}, "'shift'"),
    ({"augmentation": "flip", "augmentation_settings": {"mode": None}}, "mode=None"),
    ({"augmentation": "light", "augmentation_settings": {"mode": "both"}}, "'vertical'"),
    ({"augmentation": "strong", "augmentation_settings": {"zoom": 1}}, "zoom=1"),
    ({"augmentation_settings": {"mode": "vertical"}}, "'mode'"),
    ({"patience": 0}, "patience=0"),
    ({"patience": True}, "patience=True"),
    ({"image_size": 7}, "image_size=7"),
    ({"image_size": (96, 96)}, "image_size=(96, 96)"),
    ({"mixed_precision": "mixed_float16"}, "'float16', 'bfloat16'"),
    ({"transfer": "svm", "augmentation": "flip", "patience": 2}, "augmentation='flip', patience=2"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=str)
def test_refuses(arguments, said):
    with pytest.raises(ValueError) as error:
        Recipe(**arguments)
    assert said in str(error.value)


FILES = [
    ("", "JSON"),
    ("[]", "object"),
    ("{}", "version"),
    ('{"version": 2}', "version=2"),
    ('{"version": 1, "dropout": 0.5}', "'dropout'"),
    ('{"version": 1, "transfer": "frees"}', "'freeze'"),
    ('{"version": 1, "optimizer_settings": {"learning_rate": NaN}}', "nan"),
]


@pytest.mark.parametrize(("text", "said"), FILES)
def test_refuses_files(text, said):
    with pytest.raises(ValueError) as error:
        Recipe.from_json(text)
    assert said in str(error.value)


def test_a_file_of_before_reads_as_it_was():
    """Recipes had neither augmentation nor single values at first."""
    content = json.loads(Recipe("group").to_json())
    for name in ("augmentation", "augmentation_settings", "patience", "image_size"):
        del content[name]
    del content["mixed_precision"]
    assert Recipe.from_json(json.dumps(content)) == Recipe("group")


def test_a_file_has_all_that_there_is():
    content = json.loads(Recipe("group").to_json())
    assert content.pop("version") == 1
    assert list(content) == [field.name for field in dataclasses.fields(Recipe)]


@once
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"optimizer_settings": {"beta_1": "x"}}, "`beta_1` should be a number"),
        ({"optimizer_settings": {"beta_2": 1.5}}, r"`beta_2` should be a number in \[0, 1\)"),
        ({"optimizer_settings": {"epsilon": -1.0}}, "`epsilon` should be a number"),
        ({"optimizer_settings": {"weight_decay": [1]}}, "`weight_decay` should be a number"),
        ({"optimizer_settings": {"amsgrad": "yes"}}, "`amsgrad` should be one of"),
        ({"optimizer_settings": {"ema_overwrite_frequency": 0.5}}, "should be an int from 1"),
        ({"optimizer_settings": {"weight_decay": 10**30}}, "a number of 64 bits"),
        ({"optimizer_settings": {"gradient_accumulation_steps": 2**63}}, "a number of 64 bits"),
        ({"normalization": "layer", "normalization_settings": {"center": "x"}}, "`center` should"),
        ({"normalization": "group", "normalization_settings": {"scale": 1.5}}, "`scale` should"),
        ({"normalization": "group", "normalization_settings": {"axis": 0}}, "`axis` should be"),
        ({"transfer_settings": {"until": "(a+)+$"}}, "repeats inside of repeats"),
        ({"transfer_settings": {"until": "(a|a)*b"}}, "repeats inside of repeats"),
        ({"transfer_settings": {"until": ".*.*.*.*.*b"}}, "at most 4 of them"),
        ({"transfer_settings": {"decay": 0.5, "blocks": ["(.*a){20}"]}}, "`blocks` should be"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_would_fail_later_is_refused_at_once(fields, said):
    text = json.dumps({"version": 1, **fields})
    with pytest.raises(ValueError, match=said):
        Recipe.from_json(text)


@once
def test_regexes_of_layers_are_quick():
    for until in ("block_3", r"block_\d+/conv\d", "^stem|top$", "(?:block_)?12_.*bn"):
        assert Recipe(transfer_settings={"until": until}).transfer_settings["until"] == until
