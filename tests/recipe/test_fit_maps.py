"""`fit` on label maps: what counts, what is left out, and what is refused."""

import json

import keras
import numpy as np
import pytest
from backends import once
from recipe.map_models import figures, mapper, scenes
from recipe.untrained import Untrained

from kerasnorm.imbalance import SegmentationFolder, class_weights, count_classes
from kerasnorm.recipe import Evaluation, Recipe, Run, fit
from kerasnorm.recipe.results._map_evaluation import MapEvaluation

TRAIN, HELD_OUT = scenes(ignored=True), scenes(5, seed=1, ignored=True)
STILL = {"optimizer": "sgd", "optimizer_settings": {"learning_rate": 1e-12}}
# the head, by steps from where it is; batch normalization stays, too
HEAD = {"transfer_settings": {"head_epochs": 0, "until": 1.0}, **STILL}
pytestmark = pytest.mark.usefixtures("without_tracing")


def fit_quietly(recipe, model=None, train=TRAIN, validation=HELD_OUT, epochs=1, **kwargs):
    model = mapper() if model is None else model
    kwargs = {"ignore_class": 255, "batch_size": 12, "seed": 0, **kwargs}
    return fit(recipe, model, train, validation, epochs, verbose=0, **kwargs)


def losses_of(model, x, y):
    """The cross-entropy of each pixel that counts, float64, and its label."""
    logits = model.predict(x, verbose=0).astype(np.float64)[y != 255]
    labels = y[y != 255].astype(int)
    return np.log(np.exp(logits).sum(-1)) - logits[np.arange(len(labels)), labels], labels


RECIPES = [
    pytest.param(
        Recipe(transfer="scratch", imbalance="class_weights", imbalance_settings={"scheme": "log"}),
        marks=once,
    ),
    Recipe(transfer_settings={"head_epochs": 1}, loss="balanced_softmax"),
    pytest.param(Recipe(transfer="freeze", loss="seesaw", correction="adjust_logits"), marks=once),
    pytest.param(
        Recipe(
            loss="focal",
            imbalance="resample",
            imbalance_settings={"strategy": "repeat_factor", "threshold": 0.9},
            schedule="cosine",
        ),
        marks=once,
    ),
]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_figures_are_those_of_the_pixels_that_count(recipe):
    model = mapper(classes=5)
    before = model.get_weights()
    run = fit_quietly(recipe, model, epochs=1 + len(recipe.transfer_settings))
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert run.model.output_shape == (None, None, None, 3)
    assert run.history.keys() >= {"loss", "mean_iou", "balanced_accuracy", "val_mean_iou"}
    predicted = run.model.predict(HELD_OUT[0], verbose=0).argmax(-1)
    confusion, recall, iou = figures(HELD_OUT[1], predicted, 3)
    found = run.evaluation
    np.testing.assert_array_equal(found.confusion, confusion)
    np.testing.assert_allclose(found.per_class_recall, recall)
    np.testing.assert_allclose(found.per_class_iou, iou)
    assert found.mean_iou == pytest.approx(np.nanmean(iou)) == found.score
    assert sum(found.calibration.counts) == confusion.sum()
    counted = np.bincount(TRAIN[1][TRAIN[1] != 255], minlength=3)
    np.testing.assert_array_equal(found.train_counts, counted)
    if recipe.correction is None:
        assert max(run.history["val_mean_iou"]) == pytest.approx(found.mean_iou, rel=1e-5)
        assert run.uncorrected is found
    else:
        assert not np.array_equal(run.uncorrected.confusion, confusion)


def test_the_loss_is_that_of_the_pixels_that_count():
    """Σ w l / pixels in training, Σ l / pixels in validation; 12 examples are one batch."""
    settings = {"scheme": "median_frequency"}
    recipe = Recipe(imbalance="class_weights", imbalance_settings=settings, **HEAD)
    counts = count_classes(TRAIN[1], ignore_class=255)
    weights = class_weights(counts, **settings).as_numpy()
    model = mapper()
    run = fit_quietly(recipe, model)
    losses, labels = losses_of(model, *TRAIN)
    expected = (weights[labels] * losses).sum() / len(labels)
    assert run.history["loss"][0] == pytest.approx(expected, rel=1e-4)
    assert run.history["val_loss"][0] == pytest.approx(
        losses_of(model, *HELD_OUT)[0].mean(), rel=1e-4
    )


@once
def test_ignored_pixels_change_nothing():
    """Whatever x is there, and however many there are."""
    loud = TRAIN[0].copy(), TRAIN[1]
    recipe = Recipe(imbalance="class_weights", imbalance_settings={"scheme": "sqrt"}, **HEAD)
    point = keras.Sequential([keras.Input((None, None, 2)), keras.layers.Conv2D(3, 1)])
    loud[0][:, 0] = 1e3  # a model of single pixels, so that no other pixel sees it
    runs = [fit_quietly(recipe, point, data, data) for data in (TRAIN, loud)]
    for name, values in runs[0].history.items():
        np.testing.assert_allclose(values, runs[1].history[name], rtol=1e-5)
    np.testing.assert_array_equal(*(run.evaluation.confusion for run in runs))


@once  # reads by tf.data
@pytest.mark.parametrize("kind", ["floats, one by one", "folder"])
def test_every_kind_of_data_is_the_same(kind, tmp_path):
    import tensorflow as tf

    x, y = TRAIN
    if kind == "folder":
        x, data = in_a_folder(tmp_path)
        model, y = rgb(), y[:, :, :6]
    else:
        model = mapper()
        data = tf.data.Dataset.from_tensor_slices((x, y[..., None].astype("float32")))
    weights = {"imbalance": "class_weights", "imbalance_settings": {"scheme": "median_frequency"}}
    recipe = Recipe(**weights, **HEAD)
    ours, theirs = (fit_quietly(recipe, model, each, each) for each in (data, (x, y)))
    np.testing.assert_array_equal(ours.evaluation.train_counts, theirs.evaluation.train_counts)
    np.testing.assert_array_equal(ours.evaluation.confusion, theirs.evaluation.confusion)
    for name, values in ours.history.items():
        np.testing.assert_allclose(values, theirs.history[name], rtol=1e-4)


def rgb():
    keras.utils.set_random_seed(7)
    layers = [keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(3, 3, padding="same")]
    return keras.Sequential([keras.Input((6, 6, 3)), *layers])


def in_a_folder(folder, count=12):
    """The scenes as PNG files of 6×6, and x as they are read again."""
    x = np.clip(TRAIN[0][:count, :, :6, :1] * 80 + 60, 0, 255).astype("uint8").repeat(3, axis=-1)
    for name, pictures in (("images", x), ("masks", TRAIN[1][:count, :, :6, None])):
        (folder / name).mkdir(parents=True)
        for index, picture in enumerate(pictures):
            keras.utils.save_img(folder / name / f"{index:02}.png", picture, scale=False)
    return x.astype("float32"), SegmentationFolder(folder, 6, ignore_class=255)


@once  # reads by tf.data
def test_a_folder_is_drawn_from_by_the_classes_of_its_masks(tmp_path):
    _, data = in_a_folder(tmp_path, count=6)
    settings = {"strategy": "repeat_factor", "threshold": 1.0}
    steps = []
    spy = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: steps.append(batch))
    recipe = Recipe(imbalance="resample", imbalance_settings=settings)
    fit_quietly(recipe, rgb(), data, None, batch_size=1, callbacks=[spy])
    shares = data.labels.mean(axis=0)
    repeats = np.maximum(1, np.sqrt(1 / shares))
    expected = np.where(data.labels, repeats, 0).max(axis=1).sum()
    assert len(steps) == np.ceil(expected) > 6


@once
def test_an_absent_class_is_left_out_of_the_means():
    run = fit_quietly(Recipe(loss="balanced_softmax"), classes=["a", "b", "c", "d"])
    evaluation = run.evaluation
    assert run.model.output_shape[-1] == 4 and evaluation.class_names[-1] == "d"
    assert np.isnan(evaluation.per_class_recall[3])
    assert evaluation.balanced_accuracy == pytest.approx(evaluation.per_class_recall[:3].mean())
    predicted = evaluation.confusion[:, 3].sum()
    assert evaluation.per_class_iou[3] == 0 if predicted else np.isnan(evaluation.per_class_iou[3])
    json.dumps(evaluation.to_dict(), allow_nan=False)


@once
def test_a_mark_below_the_classes():
    y = TRAIN[1].astype("int32")
    y[y == 255] = -1
    run = fit_quietly(Recipe(**HEAD), mapper(), (TRAIN[0], y), (TRAIN[0], y), ignore_class=-1)
    predicted = run.model.predict(TRAIN[0], verbose=0).argmax(-1)
    confusion, *_ = figures(TRAIN[1], predicted, 3)
    np.testing.assert_array_equal(run.evaluation.confusion, confusion)
    assert run.history["loss"][0] == pytest.approx(losses_of(mapper(), *TRAIN)[0].mean(), rel=1e-4)


@once
def test_only_a_batch_of_outputs_is_in_memory():
    _, y = scenes(20)
    seen = []

    def batches():
        for start in range(0, 20, 4):
            outputs = np.eye(3)[y[start : start + 4]]
            seen.append(outputs.nbytes)
            yield y[start : start + 4], outputs

    found = MapEvaluation.of("abc", np.ones(3), batches(), logits=False)
    assert len(seen) == 5 and found.accuracy == 1 == found.mean_iou
    assert found.calibration.error == 0


def test_saved_and_loaded(tmp_path):
    run = fit_quietly(Recipe(correction="adjust_logits"), output=tmp_path / "run")
    again = Run.load(tmp_path / "run")
    assert isinstance(again.evaluation, MapEvaluation)
    assert again.evaluation.to_dict() == run.evaluation.to_dict()
    assert again.uncorrected.to_dict() == run.uncorrected.to_dict()
    predicted = again.model.predict(HELD_OUT[0], verbose=0).argmax(-1)
    np.testing.assert_array_equal(figures(HELD_OUT[1], predicted, 3)[0], again.evaluation.confusion)
    keras.saving.load_model(tmp_path / "run" / "model.keras")  # compiled, too


@once
def test_images_of_one_class_still_are():
    """The same model is a backbone where the labels are those of images."""
    data = TRAIN[0], np.arange(12) % 3
    run = fit(Recipe(), mapper(), data, data, epochs=1, verbose=0)
    assert run.model.output_shape == (None, 3) and type(run.evaluation) is Evaluation


MAPS = (TRAIN[0], np.minimum(TRAIN[1], 2))
REPEAT = {"strategy": "repeat_factor", "threshold": 0.5}
REFUSED = [
    ({"transfer": "svm"}, {}, "transfer='svm' needs one class for each example"),
    ({"imbalance": "resample"}, {}, "'repeat_factor'"),
    ({"correction": "adjust_logits"}, {"classes": 4}, "no example of class 3"),
    ({"correction": "tau_normalize"}, {}, "Choose 'adjust_logits'"),
    ({"correction": "retrain_classifier"}, {}, "Choose 'adjust_logits'"),
    ({}, {"train": TRAIN}, r"Label 255 .* `ignore_class=255`"),
    ({}, {"train": (MAPS[0], MAPS[1] - 1.0)}, "Label -1"),
    ({}, {"train": (MAPS[0], MAPS[1] + 0.5)}, "whole"),
    ({}, {"train": (MAPS[0], np.eye(3)[MAPS[1]])}, r"argmax\(-1\)"),
    ({}, {"train": (MAPS[0], MAPS[1][:, :3, :4])}, "are 3×4 and those of the model 6×8"),
    ({}, {"validation": (MAPS[0], MAPS[1][:, :3, :4])}, "`validation` are 3×4"),
    ({}, {"validation": (MAPS[0], np.arange(12) % 3)}, "`validation` has ImageClasses"),
    ({}, {"train": (MAPS[0], MAPS[1] * 0), "ignore_class": 0}, "all of them are ignore_class=0"),
    ({}, {"classes": 2}, "Label 2 of `train` is outside the classes 0 to 1"),
    ({}, {"train": (MAPS[0], MAPS[1] * 0)}, "one class only"),
    ({}, {"train": (MAPS[0], np.arange(12) % 3), "ignore_class": 255}, "is for label maps"),
    ({}, {"augmentation": keras.layers.RandomFlip()}, "`augmentation` changes x alone"),
    ({"loss": "balanced_softmax"}, {"model": mapper(activation="softmax")}, "needs logits"),
    (
        {},
        {"model": keras.Sequential([keras.Input((6, 8, 2)), keras.layers.Flatten(),
                                    keras.layers.Dense(3)])},
        "should end in one Conv2D",
    ),
]  # fmt: skip


@once
@pytest.mark.parametrize(("recipe", "given", "message"), REFUSED, ids=[m for *_, m in REFUSED])
def test_refused(recipe, given, message, tmp_path):
    given = {"model": mapper(), "train": MAPS, "callbacks": [Untrained()], **given}
    with pytest.raises(ValueError, match=message):
        fit(Recipe(**recipe), **given, epochs=1, verbose=0, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@once
def test_an_empty_dataset():
    import tensorflow as tf

    with pytest.raises(ValueError, match="`train` is empty"):
        fit_quietly(Recipe(), train=tf.data.Dataset.from_tensor_slices(TRAIN).take(0))


@once  # reads by tf.data
def test_a_folder_knows_its_own_mark(tmp_path):
    _, data = in_a_folder(tmp_path)
    with pytest.raises(ValueError, match="a SegmentationFolder with ignore_class=255"):
        fit_quietly(Recipe(), rgb(), data, None, ignore_class=254)


@pytest.fixture(scope="module")
def run(without_tracing):
    recipe = Recipe(loss="balanced_softmax", correction=None)
    names = ["wall <b>", "door", "knob"]
    return fit_quietly(recipe, classes=names, epochs=2)


@once
def test_a_search_sees_the_epoch_that_was_kept(run):
    pytest.importorskip("keras_tuner")
    from kerasnorm.tuning._trial_runs import figures_of

    figures = figures_of(run, "best")
    assert figures["val_mean_iou"] == run.evaluation.mean_iou
    kept = int(np.argmax(run.history["val_mean_iou"]))
    assert figures["val_loss"] == run.history["val_loss"][kept]


@once
def test_report(run, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "report.html"
    run.report(path)
    page = path.read_text()
    assert page.count("<img") == 5 == page.count("<figcaption>")
    counts, held_out = run.evaluation.train_counts, run.evaluation.confusion.sum()
    for said in (
        f"{sum(counts):,} training pixels of 3 classes, {held_out:,} held out",
        "IoU by frequency of the class",
        "Mean IoU by epoch",
        "Confusion of pixels",
        "Calibration of pixels",
        f"<td>IoU of door</td><td>{counts[1]:,}</td>",
        f"<td>recall of door</td><td>{counts[1]:,}</td>",
        "IoU of wall &lt;b&gt;",
    ):
        assert said in page, said
    first = [f"<tr><td>{name}</td>" in page for name in ("mean IoU", "pixel accuracy")]
    assert all(first)
