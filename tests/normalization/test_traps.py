"""What trips users of Keras' layers up, one test each, or one check of
`kerasnorm.testing`; the rest is in the conformance table.

Trap of keras.layers | file of the test | test
---
replicas drift apart | replicas_tensorflow | fit_survives_a_replica_without_examples
an empty replica: NaN | replicas_tensorflow | fit_survives_a_replica_without_examples
a mask unsynchronizes | replicas_tensorflow | synchronized_is_batch_norm_of_the_whole_batch
E[x²] − E[x]² over replicas | replicas_tensorflow | synchronized_is_batch_norm_of_the_whole_batch
E[x²] − E[x]² under XLA | replicas_tensorflow | synchronized_under_xla_on_one_device
all-reduces | replicas_tensorflow | synchronized_step_makes_two_collectives_forward_and_one_backward
a fully masked batch moves statistics | traps | fully_masked_batch_changes_nothing
an empty batch does | check | empty_batch
x · inv − mean · inv | traps | small_deviation_at_a_large_mean
torch's moments: NaN | group_normalization | worst_error_at_mean_1e4_against_keras
integer input is truncated | check | integers
`axis=[-1, 1]` reshapes γ wrongly | layer_normalization | gamma_in_the_order_of_the_input
duplicate, out-of-range axes; ε = −1 or "a"; `axis=[1, 2]` of groups | conformance | wrong_arguments
masks are passed on and ignored | conformance | mask
cloning from BN to GN: TypeError | traps | a_functional_model_can_be_cloned_from_batch_norm
`groups=-1` stores C | group_normalization | groups_of_minus_one_stay_minus_one
1×1 or 2-D input: zeros | traps | one_value_a_statistic_is_refused
NumPy integers are refused | conformance | numpy_numbers_are_arguments_like_any_other
32 groups below 32 channels | group_normalization | default_of_32_groups_below_32_channels
"multiple of" the wrong way round | group_normalization | default_of_32_groups_below_32_channels
biased moving variance | traps | unbiased_moving_variance
(N, T) mask at T = C | batch_normalization | masked_sequences_when_time_and_channels_are_equal
float16 moving variance: infinite | batch_normalization | float16_statistics_do_not_overflow
mixed_float16 above 65504: NaN | check | dtypes
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

import pathlib

import keras
import numpy as np
import oracle
import pytest
from keras import ops

from kerasnorm import normalization as kn
from kerasnorm.testing import check_names


def array(tensor):
    return ops.convert_to_numpy(tensor)


TESTS = pathlib.Path(__file__).parents[1]
TABLE = [line.split(" | ") for line in __doc__.splitlines() if line.count(" | ") == 2][1:]


def test_the_table_above_names_tests_that_exist():
    assert len(TABLE) == __doc__.split("---")[1].count(" | ") // 2
    for _, file, test in TABLE:
        if file == "check":
            assert test in check_names()
            continue
        folder = TESTS if file == "conformance" else TESTS / "normalization"
        assert f"def test_{test}(" in (folder / f"test_{file}.py").read_text("utf-8"), test


IDENTITIES = {
    "one group per channel is instance": (
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


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [((8, 256, 256, 8), "unknown"), ((2, 99991, 8), "known"), ((300000, 8), "known")],
    ids=str,
)
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
