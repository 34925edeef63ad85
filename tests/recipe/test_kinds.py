"""Each kind of target through each door: the head stays, the figures are those of the kind."""

import dataclasses
import functools
import importlib.util
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
from kerasnorm.recipe.examples import Outputs, read_examples
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
WEIGHTS = np.where(np.arange(SIZE) % 3 == 0, 2.0, 1.0).astype("float32")


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


OF_POINTS = [name for name, case in CASES.items() if case.data[0] is POINTS]
SOLVED = Recipe(transfer="freeze")
every_kind = pytest.mark.parametrize("kind", CASES)
of_labels = pytest.mark.parametrize("kind", OF_POINTS[1:])


def trained(kind, recipe=SOLVED, data=None, **more):
    if kind == "contours":
        pytest.importorskip("skimage")
    case = CASES[kind]
    data = data or case.data
    settings = {"epochs": 1, "seed": 0, "verbose": 0, "batch_size": 64, **more}
    return fit(recipe, case.model(), data, data, **settings)


@pytest.fixture(scope="module")
def runs(without_tracing):
    return functools.cache(trained)


@every_kind
def test_fit(kind, runs):
    case, run = CASES[kind], runs(kind)
    assert type(run.evaluation) is case.evaluation
    assert run.evaluation.monitor == case.monitor and case.monitor in run.history
    assert run.model.output_shape[-1] == case.units
    assert run.model.layers[-1].activation is case.model().layers[-1].activation
    assert len(run.history["loss"]) == 1  # the head is solved


@of_labels
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
    (measured,) = run.history["val_average_precision"]
    assert measured == pytest.approx(summary["average precision"], abs=0.03)  # in bins


@once
def test_contours_are_thinned_and_matched(runs):
    """As scikit-image and an assignment by SciPy have it, at the best of the thresholds."""
    run = runs("contours")
    from scipy.optimize import linear_sum_assignment
    from skimage.morphology import thin

    logits = run.model.predict(LINES, verbose=0)[..., 0]
    best = 0
    for level in np.arange(1, 34) / 34:
        pairs = found = 0
        for edges, values in zip(EDGES, logits, strict=True):
            lines = thin(values >= np.log(level / (1 - level)))
            predicted, labelled = np.argwhere(lines), np.argwhere(edges)
            far = np.linalg.norm(predicted[:, None] - labelled[None], axis=-1) > 1
            rows, columns = linear_sum_assignment(far)
            pairs += (~far[rows, columns]).sum()
            found += len(predicted) + len(labelled)
        best = max(best, 2 * pairs / found)
    assert run.evaluation.ods == pytest.approx(best, abs=1e-6)


@once
@every_kind
def test_saved_loaded_and_reported(kind, runs, tmp_path):
    pytest.importorskip("matplotlib")
    run = runs(kind)
    run.save(tmp_path / "run")
    again = Run.load(tmp_path / "run")
    assert type(again.evaluation) is type(run.evaluation)
    assert again.evaluation.to_dict() == run.evaluation.to_dict()
    assert len(again.class_names) == {"contours": 1}.get(kind, max(CASES[kind].units, 2))
    again.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert all(figure in page for figure in run.evaluation.summary())


@once
@every_kind
def test_advise(kind):
    case = CASES[kind]
    recipe, reasons = advise(case.model(), case.data, batch_size=64)
    assert recipe.transfer == "fine_tune" and "Similarity" in reasons[0]
    if kind != "contours" or importlib.util.find_spec("skimage"):
        read_examples("data", case.data, None, outputs=Outputs.of(case.model())).kind.check(recipe)


@once
@pytest.mark.parametrize("kind", ["several sigmoids", "contours"])
def test_all_layers_train_on_a_dataset_too(kind):
    import tensorflow as tf

    run = trained(kind, Recipe(), tf.data.Dataset.from_tensor_slices(CASES[kind].data).batch(64))
    assert len(run.history["loss"]) == 2 and np.isfinite(run.history["loss"]).all()
    assert run.history["loss"][1] <= run.history["loss"][0] * 1.2


@once
@pytest.mark.parametrize("kind", OF_POINTS)
def test_weights_of_1_change_nothing_and_weights_count(kind):
    """In the figures a weight of 2 is an example twice."""
    examples = read_examples(
        "test", (*CASES[kind].data, WEIGHTS), 2, outputs=Outputs.of(CASES[kind].model())
    )
    batches = list(examples.outputs(CASES[kind].model()))
    names = ("a", "b", "c")[: max(CASES[kind].units, 2)]
    found = CASES[kind].evaluation.of(names, np.ones(len(names)), batches, "logit" in kind)
    twice = [
        tuple(np.repeat(part, w.astype(int), axis=0) for part in (y, p)) for y, p, w in batches
    ]
    expected = CASES[kind].evaluation.of(names, np.ones(len(names)), twice, "logit" in kind)
    for key, value in expected.to_dict().items():
        if (
            key != "calibration"
            and value
            and not isinstance(value[0] if isinstance(value, list) else 0, str)
        ):
            np.testing.assert_allclose(found.to_dict()[key], value, err_msg=key)
    np.testing.assert_allclose(found.calibration.error, expected.calibration.error)


@once
def test_a_dataset_of_weights():
    """The product with the weights of the classes is the loss's."""
    import tensorflow as tf

    x, y = CASES["one logit"].data
    recipe = Recipe(transfer=None, imbalance="class_weights", optimizer="sgd")
    data = tf.data.Dataset.from_tensor_slices((x, y, WEIGHTS)).batch(64)
    run = trained("one logit", recipe, data, keep="last")
    of_class = SIZE / (2 * np.bincount(y)[y])
    of_class *= 2 / np.unique(of_class).sum()
    other = trained("one logit", Recipe(transfer=None, optimizer="sgd"),
                    (x, y, WEIGHTS * of_class), keep="last")  # fmt: skip
    for mine, theirs in zip(run.model.weights, other.model.weights, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-6)


@once
def test_where_weights_cannot_be_used():
    x, y = CASES["classes"].data
    weights = np.ones(len(x))
    for fields in ({"correction": "retrain_classifier"}, {"transfer": "svm"}):
        with pytest.raises(ValueError, match=r"`train` has sample weights, .* not used by "):
            trained("classes", Recipe(**fields), (x, y, weights))
    for wrong in (weights[:-1], -weights, 0 * weights, weights * np.nan, np.ones((len(x), 2))):
        for door in (
            lambda data: trained("classes", data=data),
            lambda data: fine_tune(dense(3), data),
        ):
            with pytest.raises(ValueError, match="The sample weights of `train` should be"):
                door((x, y, wrong))


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


@once
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("one logit", {"imbalance": "resample", "correction": "adjust_logits"}),
        ("one logit", {"loss": "focal", "correction": "tune_thresholds"}),
        ("several sigmoids", {"imbalance": "class_weights", "correction": "tune_thresholds"}),
        ("several logits", {"loss": "focal", "correction": "scale_temperature"}),
    ],
)
def test_what_has_a_meaning(kind, fields):
    if "resample" in fields.values():
        fields = {**fields, "imbalance": None}
    run = trained(kind, Recipe(transfer="freeze", **fields))
    before, after = run.uncorrected, run.evaluation
    assert run.model.output_shape[-1] == CASES[kind].units
    if fields["correction"] == "tune_thresholds":
        name = "F1" if "several" in kind else "balanced accuracy"
        assert after.summary()[name] >= before.summary()[name]
    if fields["correction"] == "scale_temperature":
        np.testing.assert_array_equal(after.confusion, before.confusion)
        assert run.model.evaluate(*CASES[kind].data, verbose=0) is not None


@once
def test_one_clear_error_for_labels_that_do_not_fit():
    x, y = CASES["several logits"].data
    for data, held_out, message in (
        ((x, y[:, :2]), (x, y), "`validation` should be rows of 2, .* Received: rows of 3"),
        ((x, y), (x, y[:, 0]), "`validation` has ImageClasses"),
        ((x, 0 * y), (x, y), "No example of `train` has any of the 3 labels"),
        ((x, y * 2), (x, y), "one class for each example"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(Recipe(), dense(3), data, held_out, epochs=1, verbose=0)
    with pytest.raises(ValueError, match="of `validation` is outside the classes 0 to 1"):
        fit(Recipe(), dense(1), (x, y[:, 0]), (x, y[:, 0] + 1), epochs=1, verbose=0)
