"""What is advised, from which figure."""

import keras
import numpy as np
import pytest
from backends import once
from recipe.recipe_models import convnet, images, perceptron, points

from kerasnorm.normalization import SyncBatchNormalization
from kerasnorm.recipe import Recipe, advise, fit

pytestmark = pytest.mark.usefixtures("without_tracing")

X, Y = points((24, 9, 5))
EVEN = points((9, 9, 9))


def quick(model=None, data=(X, Y), similarity=0.8, **kwargs):
    return advise(perceptron() if model is None else model, data, similarity=similarity, **kwargs)


@once
@pytest.mark.parametrize(
    ("similarity", "many", "rule", "transfer"),
    [
        (0.9, 200, "measured", "fine_tune"),
        (0.1, 200, "measured", "fine_tune"),
        (0.9, 5, "measured", "fine_tune"),
        (0.1, 5, "measured", "fine_tune"),
        (0.9, 200, "lecture", "freeze"),
        (0.1, 200, "lecture", "svm"),
        (0.9, 5, "lecture", "fine_tune"),
        (0.1, 5, "lecture", "scratch"),
    ],
)
def test_transfer(similarity, many, rule, transfer):
    advice = quick(similarity=similarity, many=many, rule=rule)
    assert advice.recipe.transfer == transfer
    (why,) = (reason for reason in advice.reasons if reason.startswith("Transfer"))
    assert "9 examples per class" in why and f"similarity of {similarity}" in why


@once
@pytest.mark.parametrize(
    ("similarity", "many", "rule"),
    [(0.9, 200, "measured"), (0.1, 5, "lecture"), (0.9, 200, "lecture"), (0.1, 200, "lecture")],
    ids=["fine_tune", "scratch", "freeze", "svm"],
)
def test_what_is_advised_can_be_fitted(similarity, many, rule):
    advice = quick(similarity=similarity, many=many, rule=rule, epochs=2)
    run = fit(advice, perceptron(), (X, Y), None, 2, verbose=0, seed=0, batch_size=38)
    assert run.reasons == tuple(advice.reasons) and run.recipe == advice.recipe


def sync_model():
    inputs = keras.Input((4,))
    x = SyncBatchNormalization()(inputs)
    return keras.Model(inputs, keras.layers.Dense(3)(x))


@once
@pytest.mark.parametrize(
    ("batch_size", "replicas", "model", "expected"),
    [
        (32, 1, perceptron, None),
        (5, 1, perceptron, None),
        (4, 1, perceptron, "group"),
        (1, 1, perceptron, "group"),
        (8, 2, perceptron, "group"),
        (32, 8, perceptron, "sync_batch"),
        (32, 4, perceptron, None),
        (2, 1, lambda: convnet(normalization="group"), None),
        (2, 1, sync_model, None),
        (2, 1, lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]), None),
    ],
)
def test_normalization(batch_size, replicas, model, expected):
    model = model()
    data = images() if len(model.input_shape) == 4 else (X, Y)
    settings = {"batch_size": batch_size, "replicas": replicas}
    assert quick(model, data, **settings).recipe.normalization is None
    advice = quick(model, data, pretrained=False, **settings)
    assert advice.recipe.normalization == expected
    (why,) = (reason for reason in advice.reasons if reason.startswith("Normalization"))
    assert f"{batch_size / replicas:g} examples" in why


@once
def test_without_pretrained_weights():
    advice = advise(perceptron(), (X, Y), pretrained=False)
    assert advice.recipe.transfer == "scratch"
    assert "9 examples of the median class, and no pretrained weights" in advice.reasons[0]


@once
def test_small_batches_leave_a_frozen_base_alone():
    advice = quick(batch_size=2, rule="lecture")
    assert advice.recipe.transfer == "freeze" and advice.recipe.normalization is None


@once
@pytest.mark.parametrize(
    ("data", "activation", "expected"),
    [
        ((X, Y), None, {"loss": "balanced_softmax", "imbalance": None}),
        ((X, Y), "softmax", {"loss": "cross_entropy", "imbalance": "resample"}),
        (EVEN, None, {"loss": "cross_entropy", "imbalance": None}),
    ],
)
def test_imbalance(data, activation, expected):
    advice = quick(perceptron(activation=activation), data)
    assert {name: getattr(advice.recipe, name) for name in expected} == expected
    ratio = "4.8" if data[1] is Y else "1"
    assert f"a ratio of {ratio} " in advice.reasons[-1]
    assert "balanced" not in str(quick(data=(X, Y), imbalanced=5).recipe)


def test_similarity_is_what_a_linear_classifier_recognises_beyond_chance():
    """Features that tell the classes apart, and those that tell nothing."""
    x, y = points((40, 40, 40))

    advice = advise(seeing(0, 1, 2, 3), (x, y), epochs=7)
    assert advice.reasons[1].startswith("More images: from half of these")
    assert "all 120 about" in advice.reasons[2] and "7 epochs" in advice.reasons[2]
    clear = advice.reasons[0]
    blind = advise(seeing(), (x, y)).reasons[0]
    clear, blind = (float(reason.split()[-1].rstrip(".")) for reason in (clear, blind))
    assert clear > 0.5 and blind == 0
    said = advise(seeing(), (x, y)).reasons[0]
    assert "33% of each class" in said and "120 examples" in said


def seeing(*columns):
    """A model whose features are some columns of the points."""
    model = perceptron()
    model.get_layer("stem").set_weights([np.diag(np.isin(range(4), columns)) * 1.0, np.zeros(4)])
    model.get_layer("top").set_weights([np.eye(4, 6), np.zeros(6)])
    return model


def test_of_several_models_the_one_that_sees_most():
    data = points((40, 40, 40))
    blind, best = seeing(), seeing(0, 1, 2, 3)
    recipe, reasons = advice = advise([blind, best, blind], data, epochs=7)
    assert advice.model is best
    assert reasons[0].startswith("Backbone: number 2") and "1. " in reasons[0]
    alone = advise(best, data, epochs=7)
    assert alone.model is best and alone.recipe == recipe
    assert alone.reasons[0] == reasons[1]
    run = fit(advice, advice.model, data, None, 1, verbose=0, seed=0)
    assert run.reasons == tuple(reasons)


@once
@pytest.mark.parametrize(
    ("models", "settings", "said"),
    [
        ([], {}, "an empty list"),
        (2, {"similarity": 0.5}, "Of 2 models .*similarity=0.5"),
        (2, {"pretrained": False}, "Of 2 models .*pretrained=False"),
        (["MobileNetV2", "ResNet50"], {}, "`kerasnorm.recipe.classifier` makes .*MobileNetV2"),
    ],
    ids=str,
)
def test_several_models_that_cannot_be_compared(models, settings, said):
    given = [perceptron() for _ in range(models)] if isinstance(models, int) else models
    with pytest.raises(ValueError, match=said):
        advise(given, (X, Y), **settings)


@once  # reads by tf.data
def test_a_dataset_in_another_order_each_time():
    """Features and labels of the sample come from the same pass."""
    import tensorflow as tf

    x, y = points((90, 70, 80))
    model = perceptron()
    model.get_layer("stem").set_weights([np.eye(4), np.zeros(4)])
    model.get_layer("top").set_weights([np.eye(4, 6), np.zeros(6)])
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(240).batch(7)
    found = [advise(model, each).reasons[0] for each in (data, (x, y))]
    shuffled, arrays = (float(reason.split()[-1].rstrip(".")) for reason in found)
    assert shuffled > 0.5 and abs(shuffled - arrays) < 0.2
    assert "150 examples" in found[0]


@once
def test_a_sample_of_a_long_tail():
    x, y = points((200, 5, 1, 60))
    said = advise(perceptron(), (x, y)).reasons[0]
    assert "in 5 folds of 105 examples" in said  # 50, 5 and 50: one of a class tells nothing


REFUSED = [
    ({"replicas": 0}, "`replicas`"),
    ({"batch_size": 0}, "`batch_size`"),
    ({"similarity": 2}, "`similarity`"),
    ({"rule": "thumb"}, "'measured', 'lecture'"),
    ({"epochs": 0}, "`epochs`"),
    ({"base_share": 0}, "`base_share`"),
    ({"imbalanced": 0.5}, "`imbalanced`"),
    ({"data": X}, "pair"),
    ({"data": (X[:3], [0, 1, 2]), "similarity": None}, "Pass `similarity`"),
    ({"model": keras.Sequential([keras.Input((4,)), keras.layers.ReLU()])}, "end in one Dense"),
]


@once
@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=lambda value: str(value)[:30])
def test_refuses(arguments, said):
    with pytest.raises(ValueError) as error:
        quick(**arguments)
    assert said in str(error.value)


@once
def test_a_backbone():
    """Advised and trained without a head of its own, which is there in the end."""
    whole = convnet()
    backbone = keras.Model(whole.input, whole.get_layer("top").output)
    before = backbone.get_weights()
    data = images()
    advice = advise(backbone, data, epochs=2)
    assert advice.reasons[0].startswith("Similarity")
    run = fit(advice, backbone, data, None, 2, verbose=0, seed=0)
    assert run.model.output_shape == (None, 3) and len(backbone.outputs[0].shape) == 4
    assert all(np.array_equal(a, b) for a, b in zip(before, backbone.get_weights(), strict=True))


@once
def test_reads_as_text():
    advice = quick()
    assert str(advice).splitlines()[0] == str(advice.recipe)
    assert [line[2:] for line in str(advice).splitlines()[1:]] == advice.reasons
    assert isinstance(advice.recipe, Recipe)
