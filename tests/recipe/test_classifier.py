"""`classifier`: raw images in, whatever the backbone; and whether the range of pixels fits."""

import ast
import warnings

import keras
import numpy as np
import pytest
from backends import once
from transfer.tasks_of_keras_hub import Task

from kerasnorm.recipe import classifier
from kerasnorm.recipe.classifiers._applications import application_of
from kerasnorm.transfer import check_input_range, fine_tune, layer_decay, replace_head

RAW = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype("float32")
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
SCALED = {
    "raw": lambda x: x,
    "unit": lambda x: x / 255,
    "signed": lambda x: x / 127.5 - 1,
    "standardised": lambda x: (x / 255 - MEAN) / DEVIATION,
    "centred": lambda x: x[..., ::-1] - [103.939, 116.779, 123.68],
}


def small_base(*first, size=32, name="base"):
    layers = [keras.layers.Conv2D(4, 3), keras.layers.BatchNormalization(), keras.layers.ReLU()]
    return keras.Sequential([keras.Input((size, size, 3)), *first, *layers], name=name)


def outputs(model, images):
    return keras.ops.convert_to_numpy(model(np.asarray(images, "float32")))


def check_logits(model, features):
    """The model is its head on these features."""
    kernel, bias = model.get_layer("head").get_weights()
    np.testing.assert_allclose(outputs(model, RAW), features @ kernel + bias, atol=1e-4)


@once
@pytest.mark.parametrize(("name", "wanted"), [("MobileNet", "signed"), ("VGG16", "centred")])
def test_an_application_by_name_or_at_hand(name, wanted):
    """Its family's preprocessing is inside, once."""
    base = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    assert application_of(base) == name
    features = outputs(base, SCALED[wanted](RAW)).mean(axis=(1, 2))
    made = classifier(base, 3)
    check_logits(made, features)
    named = classifier(name, 3, 32, weights=None)
    named.set_weights(made.get_weights())
    check_logits(named, features)


@once
def test_what_preprocesses_itself_is_left_to_it():
    base = keras.applications.MobileNetV3Small(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    check_logits(classifier(base, 3), outputs(base, RAW).mean(axis=(1, 2)))


@once
def test_a_name_is_taken_for_an_application_only_if_it_is_one():
    names = {
        "resnet50": "ResNet50",
        "resnet50v2": "ResNet50V2",
        "nasnet_mobile": "NASNetMobile",
        "mobilenet_1.00_224": "MobileNet",
        "efficientnetv2-b0": "EfficientNetV2B0",
        "resnet50_caltech": None,
        "my_vgg16": None,
        "functional": None,
    }
    for name, expected in names.items():
        assert application_of(small_base(name=name)) == expected


@pytest.mark.parametrize("head", [False, True], ids=["backbone", "with_a_head"])
def test_a_file(head, tmp_path):
    """A head is replaced, with its softmax; a backbone gets pooling and a head."""
    model = base = small_base(keras.layers.Rescaling(1 / 127.5, -1))
    if head:
        top = [keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(7), keras.layers.Softmax()]
        model = keras.Sequential([base, *top])
    model.save(tmp_path / "model.keras")
    made = classifier(tmp_path / "model.keras", 3)
    maps = outputs(base, RAW)
    check_logits(made, maps.max(axis=(1, 2)) if head else maps.mean(axis=(1, 2)))
    assert made.input_shape == (None, 32, 32, 3)
    assert classifier(str(tmp_path / "model.keras"), 3, 48).input_shape == (None, 48, 48, 3)


@once
def test_the_given_model_stays_as_it_is():
    base = small_base()
    before = base.get_weights()
    made = classifier(base, 3)
    made.set_weights([weight + 1 for weight in made.get_weights()])
    for weight, old in zip(base.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


@once
def test_the_converter_of_a_task_is_kept():
    base = small_base()
    task = Task(base, scale=[1 / 255] * 3, offset=[-0.5, -0.4, -0.3])
    expected = outputs(base, RAW / 255 - [0.5, 0.4, 0.3]).mean(axis=(1, 2))
    check_logits(classifier(task, 3), expected)


@once
@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("MobilNet", 3), ValueError, "There is no backbone 'MobilNet'"),
        (("nowhere.keras", 3), FileNotFoundError, "There is no file of a model 'nowhere.keras'"),
        ((small_base, 3, None, None), ValueError, "`weights` are for the name"),
        ((small_base, 0), ValueError, "`classes` should be an int from 1 up"),
        (("MobileNetV2", 3, 0), ValueError, "`image_size` should be an int from 1 up"),
        (("MobileNetV2", 3, 32, "no.keras"), FileNotFoundError, "no file of weights 'no.keras'"),
        ((lambda: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]), 3), ValueError,
         "one input of images"),
    ],
)  # fmt: skip
def test_refuses(arguments, error, said):
    backbone, *others = arguments
    with pytest.raises(error, match=said):
        classifier(backbone() if callable(backbone) else backbone, *others)


def photographs(count, seed=0, size=32):
    """Smooth images, of contrast and brightness that vary."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (count, size // 8, size // 8, 3))
    return coarse.repeat(8, axis=1).repeat(8, axis=2).astype("float32")


def trained_on(wanted, model):
    """Gives a model the statistics that training on such pixels would leave."""
    images = SCALED[wanted](photographs(32)).astype("float32")
    model.compile("sgd", "mse")
    for layer in [each for each in model.layers if hasattr(each, "moving_mean")]:
        layer.momentum = 0.0
    model(images, training=True)
    return model


@pytest.fixture(scope="module", params=["raw", "unit", "signed", "standardised"])
def trained(request):
    return request.param, trained_on(request.param, small_base())


def check(model, images):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", UserWarning)
        ratio = check_input_range(model, np.asarray(images, "float32"))
    return ratio, [str(each.message) for each in found if each.category is UserWarning]


def test_the_right_range_is_silent(trained):
    wanted, model = trained
    ratio, said = check(model, SCALED[wanted](photographs(8, seed=1)))
    assert not said and 0.5 < ratio < 2


def test_far_ranges_are_warned_about(trained):
    """0 to 255 in place of the others, and the reverse; the layer that is named helps."""
    wanted, model = trained
    given = {"raw": ["unit", "signed", "standardised"]}.get(wanted, ["raw", "centred"])
    expected = {"raw": "0 to 255", "unit": "0 to 1", "signed": "-1 to 1"}.get(wanted, "deviation")
    for name in given:
        images = SCALED[name](photographs(8, seed=1))
        ratio, (said,) = check(model, images)
        assert ratio < 1 / 8 or ratio > 8
        assert expected in said and f"Received: {images.min():.3g} to {images.max():.3g}" in said


@once
def test_the_layer_that_is_named_helps():
    model = trained_on("raw", small_base())
    images = SCALED["standardised"](photographs(8))
    _, (said,) = check(model, images)
    text = said.partition("keras.layers.Rescaling(")[2].partition(") for")[0]
    layer = keras.layers.Rescaling(*map(np.array, ast.literal_eval(text)))
    np.testing.assert_allclose(layer(images.astype("float32")), photographs(8), atol=0.01)


@once
@pytest.mark.parametrize("wanted", ["raw", "signed"])
def test_images_of_another_kind_are_silent(wanted):
    """Dark, white and nearly empty ones: no other range would fit them better."""
    model, x = trained_on(wanted, small_base()), photographs(8)
    for images in (x * 0.3, 215 + x * 0.15, x * 0 + 255, x * 0, x.mean(-1, keepdims=True) + 0 * x):
        assert not check(model, SCALED[wanted](images))[1]


@once
def test_what_cannot_be_known_is_silent():
    layers = [keras.layers.Conv2D(4, 3), keras.layers.LayerNormalization()]
    without = keras.Sequential([keras.Input((32, 32, 3)), *layers])
    rows = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    rows.layers[0].moving_mean.assign([1.0] * 4)
    assert check(without, RAW) == check(small_base(), RAW) == check(rows, RAW[:, 0, :4, 0])
    assert check(rows, RAW[:, 0, :4, 0]) == (None, [])


@once
def test_mobilenet_with_statistics_like_those_of_training():
    model = classifier("MobileNetV2", 3, 32, weights=None)
    base = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    assert check(model, RAW) == (None, [])  # it has learnt nothing
    trained_on("signed", base)
    before = base.get_weights()
    assert not check(model, photographs(8))[1]
    assert len(check(model, photographs(8) / 255)[1]) == 1
    assert len(check(base, photographs(8))[1]) == 1
    for weight, old in zip(base.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    assert model(RAW).shape == (6, 3)  # no layer is left without its own call


@once
def test_check_takes_datasets_and_arrays_of_ints():
    model = trained_on("signed", small_base())
    with pytest.warns(UserWarning, match="another range"):
        check_input_range(model, RAW.astype("uint8"))
    with pytest.warns(UserWarning, match="another range"):
        check_input_range(model, [(RAW, np.zeros(6))])


@keras.saving.register_keras_serializable("test_classifier")
class Tokens(keras.layers.Layer):
    """Patches in a row, a class token before them, and where each of them is."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")
        self.places = self.add_weight(shape=(1, shape[1] * shape[2] + 1, shape[-1]), name="places")

    def call(self, maps):
        size, width = maps.shape[1] * maps.shape[2], maps.shape[3]
        rows = keras.ops.reshape(maps, (-1, size, width))
        token = keras.ops.broadcast_to(self.token, (keras.ops.shape(rows)[0], 1, width))
        return keras.ops.concatenate([token, rows], axis=1) + self.places


def small_vit(blocks=2, width=8):
    images = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(images)
    x = Tokens(name="tokens")(keras.layers.Conv2D(width, 8, 8, name="patches")(x))
    for index in range(1, blocks + 1):
        y = keras.layers.LayerNormalization(name=f"block{index}_norm1")(x)
        y = keras.layers.MultiHeadAttention(2, width // 2, name=f"block{index}_attention")(y, y)
        x = keras.layers.Add()([x, y])
        y = keras.layers.LayerNormalization(name=f"block{index}_norm2")(x)
        y = keras.layers.Dense(2 * width, "gelu", name=f"block{index}_wide")(y)
        x = keras.layers.Add()([x, keras.layers.Dense(width, name=f"block{index}_narrow")(y)])
    x = keras.layers.LayerNormalization(name="norm")(x)
    outputs = keras.layers.Dense(7, "softmax", name="predictions")(x[:, 0])
    return keras.Model(images, outputs, name="vit")


@pytest.mark.usefixtures("without_tracing")
@pytest.mark.parametrize("strategy", ["freeze", "fine_tune"])
def test_a_vit_is_fine_tuned(strategy):
    """Its head is solved on the class token; frozen layers stay, the others move."""
    rng, y = np.random.default_rng(0), np.arange(24) % 2
    x = rng.uniform(0, 100, (24, 32, 32, 3)).astype("float32") + 100 * y[:, None, None, None]
    vit = small_vit(blocks=1)
    tuned = fine_tune(
        vit, (x, y), strategy=strategy, classes=2, epochs=1, decay=0.5, jit_compile=False,
        blocks=["patches|tokens", "block1", "^norm"], seed=0, verbose=0,
    )  # fmt: skip
    accuracy = (outputs(tuned.model, x).argmax(axis=1) == y).mean()
    assert accuracy == 1 and tuned.model.output_shape == (None, 2)
    moved = {
        new.path: not np.allclose(new, old)
        for new, old in zip(tuned.model.weights[:-2], vit.weights[:-2], strict=True)
    }
    assert any(moved.values()) == (strategy == "fine_tune"), moved


@once
def test_a_vit_gets_heads_and_rates(tmp_path):
    vit = small_vit()
    assert replace_head(vit, 3).output_shape == (None, 3)
    steps = ["patches|tokens", "block1", "block2", "^norm"]
    rates = {layer.name: rate for layer, rate in layer_decay(vit, 0.5, steps).items()}
    assert rates["tokens"] == 0.5**4 and rates["block1_attention"] == 0.5**3
    assert rates["block2_narrow"] == 0.5**2 and rates["norm"] == 0.5 and rates["predictions"] == 1
    vit.save(tmp_path / "vit.keras")
    made = classifier(tmp_path / "vit.keras", 3)
    below = keras.Model(vit.input, vit.get_layer("predictions").input)
    check_logits(made, outputs(below, RAW))
    assert check(made, RAW) == (None, [])
