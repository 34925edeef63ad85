"""A user's next session: reads what tests of transfer have saved, and says what it found."""

import json
from pathlib import Path

import keras
import numpy as np
from transfer import freezing_models

import kerasnorm


def run(folder):
    folder = Path(folder)
    paths = sorted((folder / "frozen").glob("*.keras"))
    frozen = {path.stem: _frozen(path, again=index % 2) for index, path in enumerate(paths)}
    found = {"frozen": frozen, "multipliers": _trained(folder)}
    (folder / "found.json").write_text(json.dumps(found))
    _classified(folder)


def _frozen(path, again):
    """Returns what is frozen in a model, which of its weights move, and so once more."""
    model = keras.models.load_model(path)
    tables = [kerasnorm.transfer.trainable_table(model).rows]
    moved = freezing_models.what_moves(model)
    if again:
        model.save(path)
        tables.append(kerasnorm.transfer.trainable_table(keras.models.load_model(path)).rows)
    return {"tables": tables, "moved": moved}


def _trained(folder):
    """Trains on with rates of layers; returns the multipliers before and after one is set."""
    with np.load(folder / "data.npz") as data:
        x, y = data["x"], data["y"]
    model = keras.models.load_model(folder / "rates.keras")
    before = list(model.optimizer.multipliers.values())
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    model.optimizer.set_multiplier(model.get_layer("middle"), 0.25)
    np.savez(folder / "weights.npz", *model.get_weights())
    return [before, list(model.optimizer.multipliers.values())]


def _classified(folder):
    classifier = kerasnorm.transfer.FeatureClassifier.load(folder / "owls.zip")
    x = np.load(folder / "images.npy")
    scores = classifier.decision_function(x)
    np.savez(folder / "classified.npz", label=classifier.predict(x), score=scores)
