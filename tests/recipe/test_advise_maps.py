"""What is advised for label maps, from which figure."""

import keras
import numpy as np
import pytest
from backends import once
from recipe.map_models import mapper, scenes

from kerasnorm.imbalance import class_weights, count_classes
from kerasnorm.recipe import Recipe, advise, fit

pytestmark = pytest.mark.usefixtures("without_tracing")
X, Y = scenes(ignored=True)


def quick(data=(X, Y), model=None, **kwargs):
    settings = {"similarity": 0.8, "ignore_class": 255, "epochs": 4, **kwargs}
    return advise(mapper() if model is None else model, data, **settings)


@once
def test_weights_by_the_pixels_that_count():
    advice = quick()
    counts = np.bincount(Y[Y != 255])
    having = [sum((y == k).any() for y in Y) for k in range(3)]
    assert advice.recipe.imbalance == "class_weights" and advice.recipe.loss == "cross_entropy"
    assert advice.recipe.imbalance_settings == {"scheme": "log"}
    why = advice.reasons[-1]
    assert f"{counts.max():,} pixels and the smallest {counts.min():,}" in why
    assert f"in {min(having)} to {max(having)} of the label maps" in why
    assert "docs/measured.md" in why
    (why,) = (reason for reason in advice.reasons if reason.startswith("Transfer"))
    assert f"{np.median(having):g} examples per class" in why and "of label maps" in why
    run = fit(advice, mapper(), (X, Y), None, 2, verbose=0, seed=0, ignore_class=255)
    assert run.reasons == tuple(advice.reasons)


@once
def test_balanced_pixels_need_nothing():
    advice = quick((X, np.arange(Y.size).reshape(Y.shape) % 3), ignore_class=None)
    assert advice.recipe.imbalance is None and "ratio of 1 " in advice.reasons[-1]


@once
def test_an_absent_class_has_no_weight():
    advice = quick((X, np.where(Y == 1, 3, Y)))
    assert advice.recipe.imbalance_settings == {"scheme": "log", "missing": "zero"}
    counts = count_classes(np.where(Y == 1, 3, Y), ignore_class=255)
    assert class_weights(counts, **advice.recipe.imbalance_settings)[1] == 0


@pytest.mark.parametrize("told", [True, False])
def test_similarity_is_what_features_of_pixels_tell(told):
    """Labels that a 1×1 convolution of the image tells, or that nothing does."""
    pytest.importorskip("sklearn")
    images = keras.Input((6, 8, 2))
    x = keras.layers.Conv2D(8, 1, activation="relu")(images)
    x = keras.layers.UpSampling2D()(keras.layers.Conv2D(3, 1, strides=2)(x))
    model = keras.Model(images, x)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (30, 6, 8))
    shown = y if told else rng.integers(0, 2, y.shape)
    data = (np.stack([shown, 1 - shown], axis=-1).astype("float32"), y)
    advice = advise(model, data, ignore_class=255)
    similarity = float(advice.reasons[0].rstrip(".").split()[-1])
    assert similarity > 0.95 if told else similarity < 0.4
    assert "folds of 100 pixels; chance is 50%" in advice.reasons[0]


REFUSED = [
    ({"rule": "lecture"}, "rule='measured'"),
    ({"ignore_class": None}, "Label 255"),
    ({"data": (X, Y[:, :3])}, "are 3×8 and those of the model 6×8"),
    ({"data": (X[:1], Y[:1]), "similarity": None}, "Pass `similarity`"),
]


@once
@pytest.mark.parametrize(("given", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_refused(given, message):
    pytest.importorskip("sklearn")
    with pytest.raises(ValueError, match=message):
        quick(**given)


@once
def test_from_scratch():
    assert quick(pretrained=False).recipe == Recipe(
        transfer="scratch",
        imbalance="class_weights",
        imbalance_settings={"scheme": "log"},
        optimizer_settings={"learning_rate": 1e-3},
    )
