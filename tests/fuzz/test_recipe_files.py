"""Damaged recipes: either a recipe that comes back equal or an error that says what is wrong."""

import json

import pytest
from backends import once
from fuzz.mutations import changed_bytes, changed_value, dice_for, refusal

from kerasnorm import Recipe

pytestmark = once

RECIPES = [
    Recipe(),
    Recipe("group", "freeze", "resample", normalization_settings={"groups": 8}),
    Recipe(
        *("sync_batch", "fine_tune", "class_weights", "adamw", "focal", None, "cosine"),
        normalization_settings={"momentum": 0.9, "weight_standardization": True},
        transfer_settings={"until": "block_3", "batchnorm": "affine_only", "head_epochs": 2},
        imbalance_settings={"scheme": "effective_number", "beta": 0.99},
        optimizer_settings={"learning_rate": 1e-3, "weight_decay": 1e-4},
        loss_settings={"gamma": 2.0},
        schedule_settings={"warmup_epochs": 1, "alpha": 0.01},
    ),
    Recipe(transfer="svm", transfer_settings={"estimator": "logistic"}),
    Recipe(
        imbalance="resample", imbalance_settings={"strategy": "repeat_factor", "threshold": 0.1}
    ),
    Recipe(loss="seesaw", correction="retrain_classifier", correction_settings={"epochs": 2}),
]
TEXTS = [recipe.to_json() for recipe in RECIPES]


def reads(text):
    recipe = Recipe.from_json(text)
    assert Recipe.from_json(recipe.to_json()) == recipe


def changed_text(dice):
    return changed_bytes(dice.choice(TEXTS).encode(), dice).decode(errors="replace")


def changed_fields(dice):
    return json.dumps(changed_value(json.loads(dice.choice(TEXTS)), dice))


@pytest.mark.parametrize("change", [changed_text, changed_fields])
def test_recipes(change):
    refused = [refusal(reads, change(dice), says="", errors=ValueError) for dice in dice_for(500)]
    assert any(refused) and not all(refused)


@pytest.mark.parametrize("text", ["[" * 10**5, '{"version": ' + "9" * 5000 + "}", "", "\ufeff{}"])
def test_texts_that_json_chokes_on(text):
    assert refusal(reads, text, says="recipe", errors=ValueError)
