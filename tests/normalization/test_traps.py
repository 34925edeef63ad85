"""What trips users of Keras' layers up, one test each; the rest is in the conformance table.

Trap of keras.layers | file of the test | test
---
replicas drift apart | replicas_tensorflow | fit_survives_a_replica_without_examples
an empty replica: NaN | replicas_tensorflow | fit_survives_a_replica_without_examples
a mask unsynchronizes | replicas_tensorflow | synchronized_with_a_mask_is_synchronized
E[x²] − E[x]² over replicas | replicas_tensorflow | synchronized_is_batch_norm_of_the_whole_batch
E[x²] − E[x]² under XLA | replicas_tensorflow | synchronized_under_xla_on_one_device
all-reduces | replicas_tensorflow | synchronized_step_makes_two_collectives_forward_and_one_backward
a fully masked batch moves statistics | traps | fully_masked_batch_changes_nothing
an empty batch does | conformance | empty_batch
x · inv − mean · inv | traps | small_deviation_at_a_large_mean
torch's moments: NaN | traps | worst_error_at_mean_1e4_against_keras
integer input is truncated | conformance | integers_are_cast_and_not_truncated
`axis=[-1, 1]` reshapes γ wrongly | traps | layer_norm_shapes_gamma_in_the_order_of_the_input
duplicate, out-of-range axes; ε = −1 or "a"; `axis=[1, 2]` of groups | conformance | wrong_arguments
masks are passed on and ignored | conformance | mask
cloning from BN to GN: TypeError | traps | a_functional_model_can_be_cloned_from_batch_norm
`groups=-1` stores C | traps | groups_of_minus_one_stay_minus_one
1×1 or 2-D input: zeros | traps | one_value_a_statistic_is_refused
NumPy integers are refused | conformance | numpy_numbers_are_arguments_like_any_other
32 groups below 32 channels | traps | default_of_32_groups_below_32_channels
"multiple of" the wrong way round | traps | default_of_32_groups_below_32_channels
biased moving variance | traps | unbiased_moving_variance
(N, T) mask at T = C | traps | masked_sequences_with_channels_first_when_time_and_channels_are_equal
float16 moving variance: infinite | traps | float16_statistics_do_not_overflow
mixed_float16 above 65504: NaN | conformance | dtype_policies
SN overwrites the kernel | spectral_normalization | no_call_overwrites_the_kernel
SN's gradient is not the true one | spectral_normalization | gradient_points_where_the_true_one_does
SN rewrites a frozen kernel | kernel_wrappers | what_is_frozen_never_changes
SN: σ at 1.8 after fit | spectral_normalization | sigma_is_one_after_fit
SN of an Embedding: zeros | spectral_normalization | embedding_gives_floats
SN of Conv2DTranspose: another matrix | spectral_normalization | matrix_of_a_transposed_convolution
SN: a second sequence length | kernel_wrappers | sequences_of_several_lengths
the synchronised path is never tested | keras_own | synchronized_path_that_keras_never_runs

How slow BN and GN are is for the benchmark to say.
"""

import json
import pathlib

import keras
import numpy as np
import oracle
import pytest
from keras import ops

from kerasnorm import normalization as kn


def array(tensor):
    return ops.convert_to_numpy(tensor)


TESTS = pathlib.Path(__file__).parents[1]
TABLE = [line.split(" | ") for line in __doc__.splitlines() if line.count(" | ") == 2][1:]


def test_the_table_above_names_tests_that_exist():
    assert len(TABLE) == __doc__.split("---")[1].count(" | ") // 2
    for _, file, test in TABLE:
        folder = TESTS if file == "conformance" else TESTS / "normalization"
        assert f"def test_{test}(" in (folder / f"test_{file}.py").read_text("utf-8"), test


IDENTITIES = {
    "a group a channel is instance": (
        kn.GroupNormalization(groups=6),
        kn.InstanceNormalization(),
    ),
    "one group is layer over all but the batch": (
        kn.GroupNormalization(groups=1, center=False, scale=False),
        kn.LayerNormalization(axis=(1, 2, 3), center=False, scale=False),
    ),
    "synchronised is batch on one device": (kn.SyncBatchNormalization(), kn.BatchNormalization()),
    "a normalized shape is its axes": (
        kn.LayerNormalization(normalized_shape=(5, 6)),
        kn.LayerNormalization(axis=(2, 3)),
    ),
    "a group size is its groups": (
        kn.GroupNormalization(group_size=3),
        kn.GroupNormalization(groups=2),
    ),
}


@pytest.mark.parametrize("pair", IDENTITIES)
def test_identities(rng, pair):
    x = rng.normal(2, 3, size=(3, 4, 5, 6)).astype("float32")
    one, other = (array(layer(x, training=True)) for layer in IDENTITIES[pair])
    np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("axis", [[-1, 1], (1, -1), [1, 3], [3, 1]], ids=str)
def test_layer_norm_shapes_gamma_in_the_order_of_the_input(rng, axis):
    """Keras sorts [-1, 1] as written and reshapes γ (C, H) as (H, C)."""
    x = rng.normal(size=(2, 3, 4, 5)).astype("float32")
    gamma = rng.normal(size=(3, 5))
    layer = kn.LayerNormalization(axis=axis, center=False)
    layer.build(x.shape)
    layer.gamma.assign(gamma)
    expected = oracle.normalize(x, (1, 3)) * gamma[None, :, None, :]
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-5)


def test_groups_of_minus_one_stay_minus_one(rng):
    """Keras stores the channels of the first build and becomes another layer on other widths."""
    layer = kn.GroupNormalization(groups=-1)
    layer(rng.normal(size=(2, 4, 4, 6)))
    assert layer.groups == -1
    x = rng.normal(size=(2, 4, 4, 12)).astype("float32")
    copy = kn.GroupNormalization.from_config(layer.get_config())
    np.testing.assert_allclose(array(copy(x)), oracle.normalize(x, (1, 2)), atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 16, 31])
def test_default_of_32_groups_below_32_channels(channels):
    """Keras says that the groups should be a multiple of the channels."""
    divisors = ", ".join(str(n) for n in range(1, channels + 1) if channels % n == 0)
    message = rf"^{channels} channels .*groups=32\. .*divisors of {channels}: {divisors}\.$"
    with pytest.raises(ValueError, match=message):
        kn.GroupNormalization().build((2, 4, 4, channels))
    with pytest.raises(ValueError, match=rf"divisors of {channels}: {divisors}"):
        kn.GroupNormalization()(keras.Input((4, 4, channels)))


ONE_VALUE = [
    (kn.InstanceNormalization(), (2, 6)),
    (kn.InstanceNormalization(), (2, 1, 6)),
    (kn.InstanceNormalization(), (2, 1, 1, 6)),
    (kn.InstanceNormalization(axis=1), (2, 6, 1, 1)),
    (kn.InstanceNormalization(track_statistics=True), (None, 1, 1, 6)),
    (kn.GroupNormalization(groups=-1), (2, 1, 1, 6)),
    (kn.GroupNormalization(groups=6), (2, 6)),
    (kn.GroupNormalization(group_size=1), (None, 1, 6)),
    (kn.LayerNormalization(), (2, 4, 1)),
    (kn.LayerNormalization(axis=(1, 2), center=False, scale=False), (2, 1, 1, 6)),
]


@pytest.mark.parametrize(
    ("layer", "shape"), ONE_VALUE, ids=[f"{type(x).__name__} {shape}" for x, shape in ONE_VALUE]
)
def test_one_value_a_statistic_is_refused(layer, shape):
    """Keras returns zeros in silence."""
    with pytest.raises(ValueError, match="single value"):
        layer.build(shape)


def test_one_value_is_refused_when_sizes_vary_too(rng):
    layer = kn.InstanceNormalization()
    layer.build((None, None, None, 3))
    with pytest.raises(ValueError, match="single value"):
        layer(rng.normal(size=(2, 1, 1, 3)))


def test_group_norm_on_one_position_works_where_groups_have_several_channels(rng):
    x = rng.normal(size=(2, 1, 1, 6)).astype("float32")
    y = array(kn.GroupNormalization(groups=2)(x))
    np.testing.assert_allclose(y, oracle.normalize(x, (1, 2), groups=2), atol=1e-5)


@pytest.mark.parametrize("name", ["group", "instance", "layer"])
def test_a_functional_model_can_be_cloned_from_batch_norm(rng, name):
    """Keras calls the new layer with the old one's `mask`, which its own GroupNorm refuses."""
    inputs = keras.Input((4, 4, 6))
    model = keras.Model(inputs, keras.layers.BatchNormalization(name="norm")(inputs))
    settings = {"groups": 2} if name == "group" else {}

    def swap(layer):
        if layer.name != "norm":
            return layer.__class__.from_config(layer.get_config())
        return kn.get(name, name="norm", **settings)

    clone = keras.models.clone_model(model, clone_function=swap)
    assert np.isfinite(array(clone(rng.normal(size=(2, 4, 4, 6))))).all()


@pytest.mark.parametrize("layer_class", [kn.BatchNormalization, kn.InstanceNormalization])
@pytest.mark.parametrize("masked", [False, True])
def test_unbiased_moving_variance(rng, layer_class, masked):
    """PyTorch's, and Keras 2's for images: Var · n/(n−1); the output keeps the biased one."""
    x = rng.normal(size=(3, 4, 2, 5)).astype("float32")
    mask = rng.random((3, 4, 2)) > 0.3 if masked else None
    layer = layer_class(momentum=0.0, unbiased=True, track_statistics=True)
    y = array(layer(x, training=True, mask=mask))
    axes = (0, 1, 2) if layer_class is kn.BatchNormalization else (1, 2)
    mean, variance, count = oracle.statistics(x, axes, mask)
    variance = variance * count / (count - 1)
    if axes == (1, 2):
        mean, variance = (np.average(s, axis=0, weights=count) for s in (mean, variance))
    np.testing.assert_allclose(array(layer.moving_mean), mean, atol=1e-5)
    np.testing.assert_allclose(array(layer.moving_variance), variance, rtol=1e-5)
    np.testing.assert_allclose(y, oracle.normalize(x, axes, mask=mask), atol=1e-5)


def test_masked_sequences_with_channels_first_when_time_and_channels_are_equal(rng):
    """Keras expands the mask at the last axis, which is wrong in silence when T = C."""
    x = rng.normal(size=(3, 5, 5)).astype("float32")  # (N, C, T)
    mask = np.arange(5) < np.array([[5], [3], [1]])
    y = array(kn.BatchNormalization(axis=1)(x, training=True, mask=mask))
    expected = oracle.normalize(x.swapaxes(1, 2), (0, 1), mask=mask).swapaxes(1, 2)
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("layer_class", [kn.BatchNormalization, kn.SyncBatchNormalization])
def test_fully_masked_batch_changes_nothing(rng, layer_class):
    layer = layer_class()
    x = rng.normal(5, 2, size=(4, 6, 3)).astype("float32")
    layer(x, training=True)
    before = [array(weight) for weight in layer.weights]
    y = array(layer(x * np.nan, training=True, mask=np.zeros((4, 6), bool)))
    assert (y == 0).all()
    for old, new in zip(before, layer.weights, strict=True):
        np.testing.assert_array_equal(old, array(new))


def test_float16_statistics_do_not_overflow(rng):
    layer = kn.BatchNormalization(dtype="float16", momentum=0.0)
    layer(rng.normal(0, 1000, size=(64, 3)).astype("float16"), training=True)
    variance = array(layer.moving_variance)
    assert variance.dtype == "float32"
    np.testing.assert_allclose(variance, 1e6, rtol=0.7)


def test_small_deviation_at_a_large_mean(rng):
    """Keras is off by 0.06 to 0.25 here; the oracle sees the input as float32 rounded it."""
    x = (1e4 + 0.01 * rng.normal(size=(4, 8, 8, 8))).astype("float32")
    for layer, axes, groups in (
        (kn.GroupNormalization(groups=2), (1, 2), 2),
        (kn.LayerNormalization(), (3,), None),
        (kn.BatchNormalization(), (0, 1, 2), None),
    ):
        y = array(layer(x, training=True))
        np.testing.assert_allclose(y, oracle.normalize(x, axes, groups=groups), atol=1e-5)


@pytest.mark.parametrize("shape", [(8, 256, 256, 8), (2, 99991, 8), (300000, 8)], ids=str)
@pytest.mark.parametrize("sizes", ["known", "unknown"])
def test_many_positions(rng, shape, sizes):
    """Adding up half a million numbers one by one leaves Keras off by 5 here."""
    x = (rng.normal(size=shape) + 1e4).astype("float32")
    layers = [kn.BatchNormalization()]
    if len(shape) > 2:
        layers.append(kn.GroupNormalization(groups=2))
    for layer in layers:
        inputs = keras.Input((None,) * (len(shape) - 2) + (8,) if sizes == "unknown" else shape[1:])
        model = keras.Model(inputs, layer(inputs))
        axes = tuple(range(isinstance(layer, kn.GroupNormalization), len(shape) - 1))
        groups = getattr(layer, "groups", None)
        y = array(model(x, training=True))
        np.testing.assert_allclose(y, oracle.normalize(x, axes, groups=groups), atol=1e-5)


def test_worst_error_at_mean_1e4_against_keras(rng):
    x = (rng.normal(size=(4, 14, 14, 64)) + 1e4).astype("float32")
    expected = oracle.normalize(x, (1, 2), groups=8)
    ours = np.abs(array(kn.GroupNormalization(groups=8)(x)) - expected).max()
    keras_ = np.abs(array(keras.layers.GroupNormalization(groups=8)(x)) - expected).max()
    assert ours < 1e-5
    assert not keras_ < 1e-3  # NaN on torch


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
@pytest.mark.parametrize("masked", [False, True])
def test_ghost_batches(rng, size, masked):
    x = rng.normal(2, 3, size=(7, 4, 3)).astype("float32")
    mask = rng.random((7, 4)) > 0.3 if masked else None
    layer = kn.BatchNormalization(virtual_batch_size=size, momentum=0.0)
    y = array(layer(x, training=True, mask=mask))
    pieces = np.split(np.arange(7), np.arange(size, 7, size))
    parts = [(x[piece], None if mask is None else mask[piece]) for piece in pieces]
    expected = [oracle.normalize(part, (0, 1), mask=kept) for part, kept in parts]
    np.testing.assert_allclose(y, np.concatenate(expected), atol=1e-5)
    moments = [oracle.statistics(part, (0, 1), kept) for part, kept in parts]
    weights = [count for *_, count in moments]
    for estimate, index in ((layer.moving_mean, 0), (layer.moving_variance, 1)):
        average = np.average([m[index] for m in moments], axis=0, weights=weights)
        np.testing.assert_allclose(array(estimate), average, atol=1e-5)


def test_ghost_batches_with_varying_batches_and_channels_first(rng):
    inputs = keras.Input((3, 4))
    layer = kn.BatchNormalization(axis=1, virtual_batch_size=2)
    model = keras.Model(inputs, layer(inputs))
    for batch in (4, 5):
        x = rng.normal(size=(batch, 3, 4)).astype("float32")
        last = x.swapaxes(1, 2)
        expected = np.concatenate(
            [oracle.normalize(last[i : i + 2], (0, 1)) for i in range(0, batch, 2)]
        )
        y = array(model(x, training=True)).swapaxes(1, 2)
        np.testing.assert_allclose(y, expected, atol=1e-5)


def test_estimates_follow_the_momentum_and_serve_inference(rng):
    layer = kn.BatchNormalization(momentum=0.9)
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(5):
        x = rng.normal(4, 3, size=(16, 3)).astype("float32")
        layer(x, training=True)
        mean, variance = 0.9 * mean + 0.1 * x.mean(0), 0.9 * variance + 0.1 * x.var(0)
    np.testing.assert_allclose(array(layer.moving_mean), mean, rtol=1e-5)
    np.testing.assert_allclose(array(layer.moving_variance), variance, rtol=1e-5)
    expected = (x - mean) / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(array(layer(x)), expected, atol=1e-5)
    layer.trainable = False
    np.testing.assert_allclose(array(layer(x, training=True)), expected, atol=1e-5)
    np.testing.assert_allclose(array(layer.moving_mean), mean, rtol=1e-5)


def test_mask_at_inference_hides_what_it_leaves_out(rng):
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    mask = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], bool)
    x[~mask] = np.nan
    y = array(kn.BatchNormalization()(x, mask=mask))
    np.testing.assert_allclose(y[mask], x[mask] / np.sqrt(1 + 1e-3), rtol=1e-6)
    assert (y[~mask] == 0).all()


def test_synchronized_models_load_on_every_backend(tmp_path):
    """Keras' `synchronized=True` raises off TensorFlow, so its files do not load there."""
    layer = kn.BatchNormalization(synchronized=True)
    assert kn.BatchNormalization.from_config(layer.get_config()).synchronized
    layer = kn.SyncBatchNormalization(axis_name="batch")
    model = keras.Sequential([keras.Input((3,)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[0]) is kn.SyncBatchNormalization
    assert loaded.layers[0].get_config() == layer.get_config()
    assert loaded.layers[0].axis_name == "batch"


def test_positional_arguments_are_those_of_keras():
    batch = (1, 0.5, 0.1, False, False, "ones", "zeros", "ones", "zeros")
    affine = (0.1, False, False, "ones", "zeros")
    for ours, theirs, arguments in (
        (kn.BatchNormalization, keras.layers.BatchNormalization, batch),
        (kn.GroupNormalization, keras.layers.GroupNormalization, (4, 1, *affine)),
        (kn.LayerNormalization, keras.layers.LayerNormalization, (1, *affine)),
    ):
        config = theirs(*arguments, name="norm").get_config()
        mine = ours(*arguments, name="norm").get_config()
        shared = config.keys() & mine.keys()
        assert {key: mine[key] for key in shared} == {key: config[key] for key in shared}
        assert len(shared) > 10


@pytest.mark.parametrize("name", kn.names())
def test_registry_round_trip(name):
    layer = kn.get(name, epsilon=0.5)
    assert layer.epsilon == 0.5
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert type(kn.get(config)) is type(layer)
    assert kn.get(config, epsilon=0.25).epsilon == 0.25
    assert kn.get(layer) is layer


@pytest.mark.parametrize("wrong", ["bach", "", 3, {}, {"config": {}}, ["batch"]], ids=repr)
def test_registry_refuses_with_the_choices(wrong):
    with pytest.raises(ValueError, match="'batch', 'sync_batch', 'layer', 'instance', 'group'"):
        kn.get(wrong)


def test_registry_takes_no_arguments_beside_a_layer():
    assert kn.get(None) is None
    with pytest.raises(ValueError, match="epsilon"):
        kn.get(kn.BatchNormalization(), epsilon=0.5)
