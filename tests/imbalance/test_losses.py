"""Every loss against its formula in float64: values, gradients, labels, masks and weights."""

import functools
import json

import keras
import numpy as np
import pytest
from gradients import compiled, gradient
from imbalance import loss_formulas as formulas
from keras import ops
from processes import run_in_a_new_process

from kerasnorm.backend import set_keras_mask
from kerasnorm.imbalance import count_classes
from kerasnorm.imbalance import losses as kl
from kerasnorm.imbalance import metrics as km

K = 4
COUNTS = [500, 60, 7, 1]
ALPHA = [0.5, 1.0, 2.0, 4.0]

# class numbers beside logits: how to make it, and its formula
SPARSE = {
    "focal": (kl.SparseFocalCrossentropy, formulas.focal),
    "focal, plain": (
        functools.partial(kl.SparseFocalCrossentropy, gamma=0),
        functools.partial(formulas.focal, gamma=0),
    ),
    "focal, gamma below 1": (
        functools.partial(kl.SparseFocalCrossentropy, gamma=0.5, alpha=ALPHA),
        functools.partial(formulas.focal, gamma=0.5, alpha=ALPHA),
    ),
    "logit adjusted": (
        functools.partial(kl.LogitAdjusted, COUNTS, tau=1.5),
        functools.partial(formulas.logit_adjusted, counts=COUNTS, tau=1.5),
    ),
    "balanced softmax": (
        functools.partial(kl.BalancedSoftmax, COUNTS),
        functools.partial(formulas.logit_adjusted, counts=COUNTS),
    ),
    "LDAM": (
        functools.partial(kl.LDAM, COUNTS),
        functools.partial(formulas.ldam, counts=COUNTS),
    ),
    "seesaw": (
        functools.partial(kl.Seesaw, K, counts=COUNTS),
        functools.partial(formulas.seesaw, counts=COUNTS),
    ),
}
every_sparse = pytest.mark.parametrize(("make", "formula"), SPARSE.values(), ids=SPARSE)


def make_all(**settings):
    """Returns every loss by its name."""
    made = {name: make(**settings) for name, (make, _) in SPARSE.items()}
    made["seesaw, counting"] = kl.Seesaw(K, **settings)
    made["lovasz"] = kl.LovaszSoftmax(**settings)
    made["lovasz, per image"] = kl.LovaszSoftmax("all", per_image=True, **settings)
    made["class balanced"] = kl.ClassBalancedBinaryCrossentropy(**settings)
    settings.pop("ignore_class", None)
    made["asymmetric"] = kl.AsymmetricLoss(**settings)
    return made


def draw(rng, shape=(), n=6):
    """Labels (n, ...) with every class, and logits (n, ..., K)."""
    y = rng.permuted(np.resize(np.arange(K), (n, *shape)))
    return y, rng.normal(0, 2, (n, *shape, K)).astype("float32")


def targets(name, y):
    """The labels that the loss takes beside logits (..., K)."""
    return (y[..., None] == np.arange(K)).astype("int32") if is_binary(name) else y


def is_binary(name):
    return name in ("class balanced", "asymmetric")


EXTREME = np.array(
    [
        [1e4, -1e4, 0, 3],
        [-1e4, 1e4, 1e4, -1e4],
        [1e4, 1e4 + 1, 1e4 - 2, 1e4 + 3],
        [-1e4, -1e4 + 1, -1e4 - 2, -1e4],
    ],
    "float32",
)


@every_sparse
@pytest.mark.parametrize("label", range(K))
def test_values_and_gradients_at_extreme_logits(make, formula, label):
    y = np.full(4, label)
    exact = EXTREME.astype(np.float64)
    loss = make(reduction=None)
    np.testing.assert_allclose(
        ops.convert_to_numpy(loss(y, EXTREME)), formula(exact, y, exact), rtol=2e-6, atol=2e-7
    )
    slope = formulas.slope(lambda z: formula(z, y, exact), exact, step=1e-3)
    found = gradient(lambda z: ops.sum(loss(y, z)), EXTREME)
    np.testing.assert_allclose(found, slope, rtol=2e-3, atol=2e-5)


@every_sparse
def test_gradients_at_moderate_logits(make, formula, rng):
    y, z = draw(rng, n=16)
    z = np.concatenate([z, z / 100])  # losses with small logits too
    y = np.concatenate([y, y])
    slope = formulas.slope(lambda x: formula(x, y, z.astype(np.float64)), z)
    found = gradient(lambda x: ops.sum(make(reduction=None)(y, x)), z)
    np.testing.assert_allclose(found, slope, rtol=1e-4, atol=1e-5)


@every_sparse
@pytest.mark.parametrize(
    ("shape", "column", "dtype"),
    [((), False, "int64"), ((), True, "float32"), ((2, 3), False, "uint8"), ((2, 3), True, "int8")],
)
def test_values_of_every_shape_and_dtype(make, formula, shape, column, dtype, rng):
    y, z = draw(rng, shape)
    expected = formula(z.reshape(-1, K).astype(float), y.ravel(), z.reshape(-1, K).astype(float))
    labels = (y[..., None] if column else y).astype(dtype)
    found = ops.convert_to_numpy(make(reduction=None)(labels, z))
    assert found.shape == y.shape
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(float(make()(labels, z)), expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(float(make(reduction="sum")(labels, z)), expected.sum(), rtol=1e-5)


@pytest.mark.parametrize("classes", ["present", "all"])
@pytest.mark.parametrize("per_image", [False, True])
def test_lovasz_softmax(classes, per_image, rng):
    y, z = draw(rng, (3,), n=4)
    y[0] = 1  # an image of one class
    loss = kl.LovaszSoftmax(classes, per_image=per_image)
    groups = [(z[i], y[i]) for i in range(len(y))] if per_image else [(z, y)]

    def formula(*logits):
        pairs = zip(logits, (labels for _, labels in groups), strict=True)
        flat = ((x.reshape(-1, K), labels.ravel()) for x, labels in pairs)
        return np.mean([formulas.lovasz_softmax(x, labels, classes=classes) for x, labels in flat])

    images = [x.astype(float) for x, _ in groups]
    np.testing.assert_allclose(float(loss(y, z)), formula(*images), rtol=1e-5)
    found = gradient(lambda x: loss(y, x), z)
    slope = formulas.slope(lambda x: formula(*(x if per_image else [x])), z.astype(float))
    np.testing.assert_allclose(found, slope, atol=1e-5)


def test_lovasz_softmax_weighs_pixels_as_if_they_were_several(rng):
    y, z = draw(rng, (3, 5))
    weights = rng.integers(0, 4, y.shape)
    p = [z.reshape(-1, K).astype(float), y.ravel()]
    expected = formulas.lovasz_softmax(*p, weights=weights.ravel()) * weights.mean()
    loss = kl.LovaszSoftmax()
    np.testing.assert_allclose(float(loss(y, z, weights)), expected, rtol=1e-5)
    repeated = [np.repeat(values, weights.ravel(), axis=0)[None] for values in p[::-1]]
    np.testing.assert_allclose(float(loss(*repeated)) * weights.mean(), expected, rtol=1e-5)


def test_lovasz_softmax_of_a_million_pixels():
    """Differences of float32 quotients would have lost their digits: Σ of the steps is 1."""
    y = (np.arange(1 << 20) % 16 == 0).astype("int32")[None]
    p = np.full((*y.shape, 2), 0.5, "float32")
    loss = kl.LovaszSoftmax(from_logits=False)
    slope = gradient(lambda p: loss(y, p), p)
    np.testing.assert_allclose(np.abs(slope).sum(), 1, rtol=1e-4)
    # all errors are equal, so the first pixel that is sorted has a step of 1/|∪| exactly
    np.testing.assert_allclose(np.abs(slope[..., 1]).max(), 0.5 / y.sum(), rtol=1e-4)


@pytest.mark.parametrize("channel", [False, True])
def test_class_balanced_binary_crossentropy(channel, rng):
    y = (rng.random((4, 3, 5)) < 0.3).astype("int32")
    y[1], y[2] = 0, 1  # no contour, and nothing else
    z = rng.normal(0, 3, y.shape).astype("float32")
    z[3, 0, :2] = [1e4, -1e4]
    expected = [formulas.class_balanced(*image) for image in zip(z.astype(float), y, strict=True)]
    predictions = z[..., None] if channel else z
    loss = kl.ClassBalancedBinaryCrossentropy()
    np.testing.assert_allclose(float(loss(y, predictions)), np.mean(expected), rtol=1e-5)
    found = gradient(lambda x: loss(y, x), predictions)

    def formula(x):
        pairs = zip(x, y, strict=True)
        return np.mean([formulas.class_balanced(a.reshape(b.shape), b) for a, b in pairs])

    np.testing.assert_allclose(found, formulas.slope(formula, predictions, 1e-3), atol=1e-6)
    assert np.abs(found[1]).min() > 0 and float(loss(y[1:2], predictions[1:2])) > 0.1


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"margin": 0},
        {"gamma_positive": 1, "gamma_negative": 0.5, "margin": 0.2},
        {"gamma_positive": 0.5, "gamma_negative": 0, "margin": 0.6},
    ],
)
def test_asymmetric_loss(settings, rng):
    y = rng.integers(0, 2, (6, K))
    z = rng.normal(0, 3, y.shape).astype("float32")
    z[0] = [1e4, -1e4, 50, -50]
    loss = kl.AsymmetricLoss(**settings, reduction=None)
    expected = formulas.asymmetric(z.astype(float), y, **settings)
    np.testing.assert_allclose(ops.convert_to_numpy(loss(y, z)), expected, rtol=1e-5, atol=1e-7)
    slope = formulas.slope(lambda x: formulas.asymmetric(x, y, **settings), z, 1e-4)
    found = gradient(lambda x: ops.sum(loss(y, x)), z)
    np.testing.assert_allclose(found, slope, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("gamma", [0, 2])
def test_from_probabilities(gamma, rng):
    y, z = draw(rng, (2,))
    p = ops.softmax(z)
    settings = {"gamma": gamma, "reduction": None}
    np.testing.assert_allclose(
        ops.convert_to_numpy(kl.SparseFocalCrossentropy(from_logits=False, **settings)(y, p)),
        ops.convert_to_numpy(kl.SparseFocalCrossentropy(**settings)(y, z)),
        rtol=1e-3,
        atol=1e-6,
    )
    lovasz = (kl.LovaszSoftmax(from_logits=False)(y, p), kl.LovaszSoftmax()(y, z))
    np.testing.assert_allclose(*map(float, lovasz), rtol=1e-5)
    edges, z = y > 1, z[..., 0]
    contours = (
        kl.ClassBalancedBinaryCrossentropy(from_logits=False)(edges, ops.sigmoid(z)),
        kl.ClassBalancedBinaryCrossentropy()(edges, z),
    )
    np.testing.assert_allclose(*map(float, contours), rtol=1e-4)
    assert np.isfinite(float(kl.SparseFocalCrossentropy(from_logits=False)([0], [[0.0, 1.0]])))


@pytest.mark.parametrize("name", make_all())
def test_ignored_and_masked_positions_change_nothing(name, rng):
    """What is padded holds NaN and labels of no class; the mean is over the rest."""
    y, z = draw(rng, (5,), n=3)
    used = np.ones(y.shape, bool)
    used[:, 3:] = False
    rubbish = np.where(used[..., None], z, np.nan).astype("float32")
    masked = ops.convert_to_tensor(rubbish)
    set_keras_mask(masked, ops.convert_to_tensor(used))
    wrong = np.where(used[..., None] if is_binary(name) else used, targets(name, y), -9)
    alone = [float(make_all()[name](targets(name, y[:, :3]), z[:, :3]))]
    found = [float(make_all()[name](wrong, masked))]
    if not is_binary(name):
        loss = make_all(ignore_class=255)[name]
        found.append(float(loss(np.where(used, y, 255), rubbish)))
        slope = gradient(lambda x: make_all(ignore_class=255)[name](np.where(used, y, 255), x), z)
        assert not slope[:, 3:].any() and np.isfinite(slope).all() and slope.any()
    np.testing.assert_allclose(found, alone * len(found), rtol=1e-5)


def test_class_balanced_ignores_a_label(rng):
    y = np.array([[[1, 0, 0, 7, 7]]])
    z = rng.normal(size=y.shape).astype("float32")
    found = kl.ClassBalancedBinaryCrossentropy(ignore_class=7)(y, z)
    expected = kl.ClassBalancedBinaryCrossentropy()(y[..., :3], z[..., :3])
    np.testing.assert_allclose(float(found), float(expected), rtol=1e-6)


@pytest.mark.parametrize("name", make_all())
def test_weights_of_examples_go_to_all_of_their_positions(name, rng):
    """Also where there are as many examples as positions, for which Keras would mix them up."""
    y, z = draw(rng, (3,), n=3)
    weights = np.array([2.0, 0.0, 0.5], "float32")
    y = targets(name, y)
    found = float(make_all()[name](y, z, weights))
    wide = float(make_all()[name](y, z, np.broadcast_to(weights[:, None], (3, 3))))
    np.testing.assert_allclose(found, wide, rtol=1e-5)
    slope = gradient(lambda x: make_all()[name](y, x, weights), z)
    assert not slope[1].any() and slope[0].any() and slope[2].any()
    if name not in ("lovasz", "seesaw, counting"):
        losses = ops.convert_to_numpy(make_all(reduction=None)[name](y, z))
        expected = losses * weights.reshape((3,) + (1,) * (losses.ndim - 1))
        np.testing.assert_allclose(found, expected.mean(), rtol=1e-5)
    doubled = float(make_all()[name](y, z, 2 * np.ones(3)))
    np.testing.assert_allclose(doubled, 2 * float(make_all()[name](y, z)), rtol=1e-5)


@pytest.mark.parametrize("name", make_all())
@pytest.mark.parametrize("label", [-1, K, np.nan])
def test_a_label_outside_the_classes(name, label, rng):
    y, z = draw(rng, (2,))
    y = targets(name, y).astype("float32")
    y.flat[3] = label
    loss = make_all()[name]
    with pytest.raises(ValueError, match=r"[Ll]abel"):
        loss(y, z)
    if keras.config.backend() != "torch" and label == K:  # nothing is hidden there
        assert np.isnan(float(compiled(make_all()[name])(y, z)))


@pytest.mark.parametrize("name", make_all())
def test_other_shapes(name, rng):
    y, z = draw(rng, (2,))
    y = targets(name, y)
    loss = make_all()[name]
    for labels, logits in [(y[:3], z), (y[:, :1], z), (y[..., None, None], z)]:
        with pytest.raises(ValueError, match="shape"):
            loss(labels, logits)
    if not is_binary(name):
        with pytest.raises(ValueError, match="classes on the last axis"):
            loss(y, z[..., :1])


@pytest.mark.parametrize("name", make_all())
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(name, dtype, rng):
    y, z = draw(rng, (2,))
    y = targets(name, y)
    half = ops.cast(ops.convert_to_tensor(8 * z), dtype)
    expected = float(make_all()[name](y, ops.cast(half, "float32")))
    found = make_all(dtype=dtype)[name](y, half)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found) == expected


@pytest.mark.parametrize("make", [kl.BalancedSoftmax, kl.LogitAdjusted, kl.LDAM])
def test_a_class_with_no_example_takes_no_part(make, rng):
    y, z = draw(rng)
    y = y % 2
    present = make([30, 3])(y, z[:, [0, 2]])
    loss = make([30, 0, 3, 0])
    y = np.array([0, 2])[y]
    if make is kl.LDAM:  # a logit like others, and the largest margin
        assert np.isfinite(float(loss(y, z))) and np.isfinite(float(loss([1], z[:1])))
        np.testing.assert_allclose(float(loss([1], z[:1])), float(make([30, 3, 3, 3])([1], z[:1])))
    else:
        np.testing.assert_allclose(float(loss(y, z)), float(present), rtol=1e-5)
        assert np.isposinf(float(loss([1], z[:1])))
    slope = gradient(lambda x: loss(y, x), z)
    assert np.isfinite(slope).all()


def test_without_handicap_it_is_crossentropy(rng):
    y, z = draw(rng)
    found = float(kl.LogitAdjusted([5, 0, 1, 1], tau=0)(np.minimum(y, 0), z))
    z = np.delete(z, 1, axis=1).astype(float)  # the absent class is in no softmax all the same
    np.testing.assert_allclose(found, formulas.crossentropy(z, 0 * y).mean(), rtol=1e-5)


def test_counts_bring_what_to_ignore(rng):
    counts = count_classes(np.array([[0, 1, 2, 255, 3]]), ignore_class=255)
    for make in (kl.LogitAdjusted, kl.BalancedSoftmax, kl.LDAM):
        assert make(counts).ignore_class == 255
        assert make(counts, ignore_class=9).ignore_class == 9


def test_seesaw_counts_what_it_sees(rng):
    loss, seen = kl.Seesaw(K, reduction=None), np.zeros(K)
    for n in (5, 3):
        y, z = draw(rng, n=n)
        seen += np.bincount(y, minlength=K)
        expected = formulas.seesaw(z.astype(float), y, z.astype(float), np.maximum(seen, 1))
        np.testing.assert_allclose(ops.convert_to_numpy(loss(y, z)), expected, rtol=1e-5)
    again = kl.Seesaw.from_config(loss.get_config())
    assert again.counter.to_list() == seen.tolist() and int(loss.counter.result()) == 8


def classifier(loss, **settings):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(K)])
    model.compile(keras.optimizers.SGD(0.1), loss, **settings)
    return model


def test_fit(rng):
    """An output for a loss of each kind, all in one graph."""
    names = "focal", "seesaw, counting", "lovasz", "class balanced", "asymmetric"
    made = {name: make_all()[name] for name in names}
    inputs = keras.Input((3,))
    outputs = [keras.layers.Dense(K, name=f"o{i}")(inputs) for i in range(len(made))]
    model = keras.Model(inputs, outputs)
    counter = made["seesaw, counting"].counter
    model.compile(
        keras.optimizers.SGD(0.05),
        [*made.values()],
        metrics=[[counter] if name == "seesaw, counting" else [] for name in made],
        jit_compile=False,
    )
    y, _ = draw(rng)
    x = rng.normal(size=(len(y), 3)).astype("float32")
    labels = [targets(name, y) for name in made]
    history = model.fit(x, labels, epochs=3, batch_size=len(y), verbose=0).history
    for i, name in enumerate(made):
        values = history[f"o{i}_loss"]
        assert np.isfinite(values).all() and values[-1] < values[0], name
    assert counter.to_list() == (3 * np.bincount(y, minlength=K)).tolist()


def test_seesaw_that_cannot_count_says_so(rng):
    if keras.config.backend() != "jax":
        pytest.skip("JAX alone compiles steps that forget")
    y, z = draw(rng)
    with pytest.raises(ValueError, match="metrics="):
        classifier(kl.Seesaw(K)).fit(z[:, :3], y, verbose=0)


def test_losses_and_metrics_in_a_new_process(tmp_path, rng):
    """Every loss from its config, with what `Seesaw` has counted, and a compiled model."""
    y, z = draw(rng)
    made = make_all(reduction="sum")
    made["seesaw, counting"](y, z)
    saved = {name: keras.saving.serialize_keras_object(loss) for name, loss in made.items()}
    (tmp_path / "losses.json").write_text(json.dumps(saved))
    arrays = {f"y of {name}": targets(name, y) for name in made}
    np.savez(tmp_path / "data.npz", z=z, **arrays)
    loss = kl.Seesaw(K)
    metrics = [km.BalancedAccuracy(K), km.GroupAccuracy(COUNTS), km.MacroF1(K), loss.counter]
    classifier(loss, metrics=metrics).save(tmp_path / "model.keras")
    code = """
import json, sys, keras, numpy as np
import kerasnorm
folder = sys.argv[1]
data = np.load(folder + "/data.npz")
found = {}
for name, config in json.load(open(folder + "/losses.json")).items():
    loss = keras.saving.deserialize_keras_object(config)
    found[name] = float(loss(data["y of " + name], data["z"]))
model = keras.saving.load_model(folder + "/model.keras")
found["model"] = type(model.loss).__name__
print(json.dumps(found))
"""
    found = json.loads(run_in_a_new_process(code, tmp_path))
    assert found.pop("model") == "Seesaw"
    expected = {name: float(loss(targets(name, y), z)) for name, loss in made.items()}
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: kl.SparseFocalCrossentropy(gamma=-1), "gamma"),
        (lambda: kl.SparseFocalCrossentropy(alpha=[1, -1]), "alpha"),
        (lambda: kl.SparseFocalCrossentropy(alpha="balanced"), "alpha"),
        (lambda: kl.LogitAdjusted([0, 0]), "counts"),
        (lambda: kl.LogitAdjusted([1, 2], tau=-1), "tau"),
        (lambda: kl.LDAM([1, 2], max_margin=0), "max_margin"),
        (lambda: kl.LDAM([1, 2], scale=np.inf), "scale"),
        (lambda: kl.Seesaw(1), "num_classes"),
        (lambda: kl.Seesaw(3, counts=[1, 2]), "3 entries"),
        (lambda: kl.Seesaw(3, p=-1), "`p`"),
        (lambda: kl.LovaszSoftmax("some"), "classes"),
        (lambda: kl.AsymmetricLoss(margin=1), "margin"),
        (lambda: kl.ClassBalancedBinaryCrossentropy(ignore_class=0.5), "ignore_class"),
    ],
)
def test_wrong_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()
