"""Each kind of target through each door: the head stays, the figures are those of the kind."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from backends import once
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score

from kerasnorm import advise, fit
from kerasnorm.recipe import (
    BinaryEvaluation,
    ContourEvaluation,
    Evaluation,
    LabelsEvaluation,
    MapEvaluation,
    Recipe,
    Run,
)
from kerasnorm.transfer import fine_tune

pytestmark = pytest.mark.usefixtures("without_tracing")
RNG = np.random.default_rng(0)
SIZE = 36


def dense(units, activation=None):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((4,))
    x = keras.layers.Dense(6, "relu", name="top")(inputs)
    return keras.Model(inputs, keras.layers.Dense(units, activation, name="head")(x))


def mapper(filters, activation=None):
    keras.utils.set_random_seed(3)
    images = keras.Input((8, 8, 2))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(images)
    return keras.Model(images, keras.layers.Conv2D(filters, 1, activation=activation)(x))


def points(units):
    """Points (N, 4), which the labels move, and rows of rare and frequent labels."""
    rows = RNG.random((SIZE, units)) < np.linspace(0.25, 0.6, units)
    rows[:2] = [np.zeros(units), np.ones(units)]
    x = RNG.normal(0, 0.7, (SIZE, 4)).astype("float32")
    x[:, :units] += rows
    return x, rows.astype(int)


def lines():
    """Images with a bright line each, and where it is."""
    maps = np.zeros((12, 8, 8), "uint8")
    maps[np.arange(12), RNG.integers(1, 7, 12), 1:7] = 1
    return (RNG.normal(0, 0.2, (12, 8, 8, 2)) + maps[..., None]).astype("float32"), maps


POINTS, ROWS = points(3)
LINES, EDGES = lines()


@dataclasses.dataclass(frozen=True)
class Case:
    model: Callable[[], keras.Model]
    data: tuple[Any, Any]
    evaluation: type
    monitor: str
    units: int


CASES = {
    "classes": Case(
        lambda: dense(3), (POINTS, ROWS.argmax(1)), Evaluation, "val_balanced_accuracy", 3
    ),
    "one logit": Case(
        lambda: dense(1), (POINTS, ROWS[:, 0]), BinaryEvaluation, "val_balanced_accuracy", 1
    ),
    "one sigmoid": Case(
        lambda: dense(1, "sigmoid"),
        (POINTS, ROWS[:, :1] > 0),
        BinaryEvaluation,
        "val_balanced_accuracy",
        1,
    ),
    "several logits": Case(
        lambda: dense(3), (POINTS, ROWS), LabelsEvaluation, "val_average_precision", 3
    ),
    "several sigmoids": Case(
        lambda: dense(3, "sigmoid"), (POINTS, ROWS), LabelsEvaluation, "val_average_precision", 3
    ),
    "masks": Case(lambda: mapper(2), (LINES, EDGES), MapEvaluation, "val_mean_iou", 2),
    "contours": Case(lambda: mapper(1), (LINES, EDGES), ContourEvaluation, "val_ods", 1),
}
OF_ONE_ROW = [name for name, case in CASES.items() if case.data[0] is POINTS]
NEW = ["one logit", "one sigmoid", "several logits", "several sigmoids"]
every_kind = pytest.mark.parametrize("kind", CASES)


def trained(kind, recipe=None, data=None, **more):
    if kind == "contours":
        pytest.importorskip("skimage")
    case = CASES[kind]
    data = data or case.data
    settings = {"epochs": 1, "seed": 0, "verbose": 0, "batch_size": 12, **more}
    return fit(recipe or Recipe(), case.model(), data, data, **settings)


@pytest.fixture(scope="module")
def runs(without_tracing):
    found = {}

    def run_of(kind):
        if kind not in found:
            found[kind] = trained(kind)
        return found[kind]

    return run_of


@every_kind
def test_fit(kind, runs):
    case, run = CASES[kind], runs(kind)
    assert type(run.evaluation) is case.evaluation
    assert run.evaluation.monitor == case.monitor and case.monitor in run.history
    assert run.model.output_shape[-1] == case.units
    assert run.model.layers[-1].activation is case.model().layers[-1].activation


@pytest.mark.parametrize("kind", NEW)
def test_figures_are_those_of_scikit_learn(kind, runs):
    run, (x, y) = runs(kind), CASES[kind].data
    scores = run.model.predict(x, verbose=0)
    y, given = y.reshape(scores.shape), scores > (0.5 if "sigmoid" in kind else 0)
    summary = run.evaluation.summary()
    assert summary["average precision"] == pytest.approx(average_precision_score(y, scores))
    recalls = [balanced_accuracy_score(*each) for each in zip(y.T, given.T, strict=True)]
    assert summary["balanced accuracy"] == pytest.approx(np.mean(recalls))
    if "several" in kind:
        assert summary["F1"] == pytest.approx(f1_score(y, given, average="macro"))
    measured = max(run.history["val_average_precision"])
    assert measured == pytest.approx(summary["average precision"], abs=0.1)


@once
@every_kind
def test_saved_and_loaded(kind, runs, tmp_path):
    run = runs(kind)
    run.save(tmp_path / "run")
    again = Run.load(tmp_path / "run")
    assert type(again.evaluation) is type(run.evaluation)
    assert again.evaluation.to_dict() == run.evaluation.to_dict()
    assert len(again.class_names) == max(CASES[kind].units, 1 if kind == "contours" else 2)


@once
@every_kind
def test_report(kind, runs, tmp_path):
    pytest.importorskip("matplotlib")
    runs(kind).report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert all(figure in page for figure in runs(kind).evaluation.summary())


@once
@every_kind
def test_what_is_advised_can_be_followed(kind):
    case = CASES[kind]
    advice = advise(case.model(), case.data, batch_size=12)
    assert advice.recipe.transfer == "fine_tune"
    run = trained(kind, advice)
    assert run.reasons == tuple(advice.reasons)


@once
@every_kind
def test_the_head_is_solved(kind):
    """An epoch 0, on which both doors agree."""
    if kind == "contours":
        pytest.importorskip("skimage")
    run = trained(kind, Recipe(transfer="freeze"))
    assert len(run.history["loss"]) == 1
    case = CASES[kind]
    if case.data[0] is POINTS:
        settings = {"strategy": "freeze", "seed": 0, "verbose": 0, "batch_size": 12}
        loss = run.model.loss if "several" in kind else None
        tuned = fine_tune(case.model(), case.data, loss=loss, **settings)
        for mine, theirs in zip(run.model.weights, tuned.model.weights, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-4)


def as_dataset(x, y, *weights):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y, *weights))


@once
@every_kind
def test_a_dataset_has_the_same_figures(kind, runs):
    data = as_dataset(*CASES[kind].data).batch(12)
    recipe = Recipe(transfer="freeze")
    found = trained(kind, recipe, data).evaluation.to_dict()
    expected = trained(kind, recipe).evaluation.to_dict()
    assert found.keys() == expected.keys()
    np.testing.assert_allclose(found["confusion"], expected["confusion"], atol=2)


WEIGHTS = np.where(np.arange(SIZE) % 3 == 0, 2.0, 1.0).astype("float32")


@once
@pytest.mark.parametrize("form", ["arrays", "Dataset"])
@pytest.mark.parametrize("kind", OF_ONE_ROW)
def test_a_weight_of_2_is_an_example_twice(kind, form):
    """Whatever the classes weigh beside it, in the loss, the solved head and the figures."""
    twice = np.repeat(np.arange(SIZE), WEIGHTS.astype(int))
    x, y = CASES[kind].data
    y = y.astype("int64")
    weighted = (x, y, WEIGHTS) if form == "arrays" else as_dataset(x, y, WEIGHTS).batch(SIZE)
    recipe = Recipe(transfer="freeze", imbalance="class_weights" if "one" in kind else None)
    settings = {"batch_size": 2 * SIZE}
    ours = trained(kind, recipe, weighted, **settings)
    theirs = trained(kind, recipe, (x[twice], y[twice]), **settings)
    if recipe.imbalance is None:
        np.testing.assert_allclose(
            ours.evaluation.confusion, theirs.evaluation.confusion, atol=2
        )
        score = theirs.evaluation.score
        assert ours.evaluation.score == pytest.approx(score, abs=0.03)
    sums = [np.asarray(run.evaluation.confusion).sum() for run in (ours, theirs)]
    assert sums[0] == pytest.approx(sums[1])


@once
@pytest.mark.parametrize("kind", CASES)
def test_where_weights_cannot_be_used(kind):
    x, y = CASES[kind].data
    weights = np.ones(len(x))
    refused = {"correction": "retrain_classifier", "transfer": "svm"}
    for chapter, name in refused.items() if kind == "classes" else ():
        with pytest.raises(ValueError, match=f"sample weights, .* not used by .*'{name}'"):
            trained(kind, Recipe(**{chapter: name}), (x, y, weights))
    for wrong in (weights[:-1], -weights, 0 * weights, weights * np.nan, np.ones((len(x), 2))):
        with pytest.raises(ValueError, match="The sample weights of `train` should be"):
            trained(kind, data=(x, y, wrong))


REFUSED = {
    "one logit": ["loss balanced_softmax", "loss seesaw", "correction tau_normalize",
                  "transfer svm", "loss logit_adjusted"],
    "several logits": ["loss balanced_softmax", "loss seesaw", "correction tau_normalize",
                       "transfer svm", "correction retrain_classifier", "imbalance resample"],
    "contours": ["loss focal", "imbalance class_weights", "correction adjust_logits",
                 "transfer svm"],
    "classes": ["correction tune_thresholds"],
}  # fmt: skip


@once
@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_meaning(kind):
    for choice in REFUSED[kind]:
        chapter, name = choice.split()
        with pytest.raises(ValueError, match=f"{chapter}='{name}'.*(What can be used is|Choose)"):
            trained(kind, Recipe(**{chapter: name}))


USED = {
    "one logit": [
        *({"loss": "focal"}, {"imbalance": "class_weights"}, {"imbalance": "resample"}),
        *({"correction": name} for name in ("adjust_logits", "retrain_classifier")),
        *({"correction": name} for name in ("tune_thresholds", "scale_temperature")),
    ],
    "several sigmoids": [
        *({"loss": "focal"}, {"imbalance": "class_weights"}, {"correction": "adjust_logits"}),
        *({"correction": name} for name in ("tune_thresholds", "scale_temperature")),
        {
            "imbalance": "resample",
            "imbalance_settings": {"strategy": "repeat_factor", "threshold": 0.5},
        },
    ],
    "classes": [{"correction": "scale_temperature"}],
}


@once
@pytest.mark.parametrize("kind", USED)
def test_what_has_a_meaning(kind):
    for fields in USED[kind]:
        run = trained(kind, Recipe(**fields, transfer="freeze"))
        before, after = run.uncorrected, run.evaluation
        assert run.model.output_shape[-1] == CASES[kind].units
        if fields.get("correction") == "tune_thresholds":
            name = "F1" if "several" in kind else "balanced accuracy"
            assert after.summary()[name] >= before.summary()[name]
        if fields.get("correction") == "scale_temperature":
            np.testing.assert_array_equal(after.confusion, before.confusion)
