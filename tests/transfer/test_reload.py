"""What a new process reads that only imports kerasnorm and the user's classes."""

import json

import keras
import numpy as np
import pytest
from backends import once
from processes import SUPPORT, run_in_a_new_process
from transfer import probing_models
from transfer.freezing_models import BELOW_HEAD, MODELS, RELOADED, should_move

from kerasnorm.surgery import freeze_statistics
from kerasnorm.transfer import LayerwiseLearningRate, freeze, probe_layers, trainable_table

pytestmark = [once, pytest.mark.distributed]  # in a new process

CASES = [*RELOADED.items()]
CASES += [(kind, "statistics") for kind in ("functional", "custom", "wrapped", "subclassed")]
NEXT_SESSION = f"""
import sys
sys.path.insert(0, {str(SUPPORT)!r})
from transfer import next_session
next_session.run(sys.argv[1])
"""


def frozen(kind, mode):
    model = MODELS[kind]()
    if mode == "statistics":
        freeze_statistics(model)
    else:
        freeze(model, BELOW_HEAD, mode)
    return model


def trained(folder):
    """Returns a model with a path and layers for keys of its rates, saved before the last epoch."""
    x, y = np.random.default_rng(0).normal(size=(2, 40, 6)).astype("float32")
    np.savez(folder / "data.npz", x=x, y=y)
    stack = [keras.layers.Dense(6, "tanh", name=name) for name in ("low", "middle", "head")]
    model = keras.Sequential([keras.Input((6,)), *stack])
    # a Sequential that is loaded has other paths: sequential_1/low/kernel
    keys = [f"^{model.name}/low|^low", *model.layers[1:]]
    rates = dict(zip(keys, (0.1, 0.5, 1.0), strict=True))
    adamw = keras.optimizers.AdamW(0.02, weight_decay=0.1)
    optimizer = LayerwiseLearningRate(adamw, rates)
    model.compile(optimizer, "mse", jit_compile=False)
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    optimizer.set_multiplier(keys[0], 0.3)
    model.save(folder / "rates.keras")
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    return model


def classifier(folder):
    x, y = probing_models.images(30)
    np.save(folder / "images.npy", x)
    names = np.array(["b", "a", "c"])[y]
    made = probe_layers(probing_models.nested(), x, names, layers=["lift"]).classifier()
    made.save(folder / "owls.zip")
    return made


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Returns the folder in which the new process found and left its files, and what was saved."""
    folder = tmp_path_factory.mktemp("saved")
    (folder / "frozen").mkdir()
    models = {case: frozen(*case) for case in CASES}
    for case, model in models.items():
        model.save(folder / "frozen" / f"{'-'.join(case)}.keras")
    saved = {**models, "rates": trained(folder), "classifier": classifier(folder)}
    run_in_a_new_process(NEXT_SESSION, folder)
    return folder, saved, json.loads((folder / "found.json").read_text())


def facts(rows):
    return [(row["layer_class"], row["trainable"], row["statistics"]) for row in rows]


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_a_file_keeps_what_is_frozen(session, kind, mode):
    _, saved, found = session
    model, found = saved[kind, mode], found["frozen"][f"{kind}-{mode}"]
    for rows in found["tables"]:
        assert facts(rows) == facts(trainable_table(model).rows)
    if mode == "statistics":
        still = ("moving_mean", "moving_variance")
        moved = [w.name for w, moved in zip(model.weights, found["moved"], strict=True) if moved]
        assert moved and not set(moved) & set(still)
    else:
        assert found["moved"] == should_move(model, mode)


def test_training_goes_on_with_the_rates_of_layers(session):
    folder, saved, found = session
    before, after = found["multipliers"]
    assert before == pytest.approx([0.3, 0.5, 1.0])
    assert after == pytest.approx([0.3, 0.25, 1.0])
    with np.load(folder / "weights.npz") as weights:
        assert all(map(np.array_equal, saved["rates"].get_weights(), weights.values()))


def test_a_classifier_predicts_the_same(session):
    folder, saved, _ = session
    x = np.load(folder / "images.npy")
    with np.load(folder / "classified.npz") as found:
        np.testing.assert_array_equal(found["label"], saved["classifier"].predict(x))
        scores = saved["classifier"].decision_function(x)
        np.testing.assert_allclose(found["score"], scores, atol=1e-5)
