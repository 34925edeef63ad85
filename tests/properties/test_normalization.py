"""The layers against float64 on whatever shape, axis, dtype, mask and mean comes up."""

import keras
import numpy as np
import oracle
from gradients import output_and_gradient
from hypothesis import assume, given
from hypothesis import strategies as st
from keras import ops

from kerasnorm import normalization

EPS = {"float64": 2.0**-23, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}


def batch(rank):
    return tuple(range(rank - 1))


def instance(rank):
    return tuple(range(1, rank - 1))


# the name of a layer, and what it reduces over with channels last
LAYERS = {
    "batch": batch,
    "sync_batch": batch,
    "instance": instance,
    "group": instance,
    "layer": lambda rank: (rank - 1,),
}


@st.composite
def cases(draw, dtypes=tuple(EPS), masks=True):
    """Returns a layer, channels-last input, a mask or None, the channel axis, and the oracle."""
    name = draw(st.sampled_from([*LAYERS]))
    rank = draw(st.integers(2 if name in ("batch", "sync_batch", "layer") else 3, 5))
    groups = draw(st.integers(1, 4)) if name == "group" else None
    channels = draw(st.integers(1, 5)) * (groups or 1)
    shape = (*draw(st.tuples(*[st.integers(1, 5)] * (rank - 1))), channels)
    axes = LAYERS[name](rank)
    values = np.prod([shape[axis] for axis in axes]) * (channels // groups if groups else 1)
    assume(values > 1)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(dtypes))
    mean = draw(st.sampled_from([0, 1, -30] if dtype == "bfloat16" else [0, -30, 1000]))
    deviation = draw(st.sampled_from([0.1, 1, 100]))
    x = rng.normal(mean, deviation, shape).astype(ops.convert_to_numpy(ops.zeros(1, dtype)).dtype)
    mask = rng.uniform(size=shape[:-1]) < draw(st.sampled_from([0.0, 0.3, 0.7, 1.0]))
    mask = mask if masks and draw(st.booleans()) else None
    # what a layer shares between positions has no other place for a mask
    axis = -1 if name == "layer" else draw(st.sampled_from([-1, *range(1, rank)]))
    settings = {"groups": groups} if groups else {}
    layer = normalization.get(name, axis=axis, dtype=dtype, **settings)
    return layer, x, mask, axis, axes, groups


def tolerance(x, expected):
    """The rounding of input and output in a dtype, with float32 in between."""
    dtype = EPS[str(x.dtype)]
    largest = np.abs(expected).max(initial=1)
    # what the rounding of float32's mean can be of a standardized value at most
    return 8 * dtype * largest + 16 * 2.0**-23 * largest


@given(cases())
def test_the_output_equals_the_formula(case):
    layer, x, mask, axis, axes, groups = case
    expected = oracle.normalize(x, axes, groups=groups, mask=mask)
    given = {} if mask is None else {"mask": mask}
    y = layer(np.moveaxis(x, -1, axis), training=True, **given)
    assert keras.backend.standardize_dtype(y.dtype) == str(x.dtype)
    y = np.moveaxis(np.asarray(ops.convert_to_numpy(ops.cast(y, "float64"))), axis, -1)
    assert np.isfinite(y).all()
    keep = slice(None) if mask is None else mask
    error = np.abs(y - expected)[keep].max(initial=0)
    assert error <= tolerance(x, expected), error


@given(cases(dtypes=("float32",)), st.sampled_from([np.nan, np.inf, -1e30]))
def test_padding_reaches_nothing(case, junk):
    layer, x, mask, axis, *_ = case
    assume(mask is not None)
    other = np.where(mask[..., None], x, np.float32(junk))
    outputs = []
    for each in (x, other):
        y = layer(np.moveaxis(each, -1, axis), training=True, mask=mask)
        outputs.append(np.moveaxis(ops.convert_to_numpy(y), axis, -1)[mask])
    np.testing.assert_array_equal(*outputs)
    assert all(np.isfinite(ops.convert_to_numpy(each)).all() for each in layer.weights)


@given(cases(dtypes=("float32",)))
def test_the_gradient_equals_the_formula(case):
    layer, x, mask, axis, axes, groups = case
    assume(groups is None)
    upstream = np.random.default_rng(0).normal(size=x.shape).astype("float32")
    if mask is not None:  # of what comes out at padded positions nothing is promised
        upstream *= mask[..., None]
    given = {} if mask is None else {"mask": mask}
    _, slope = output_and_gradient(
        lambda x: layer(x, training=True, **given),
        np.moveaxis(x, -1, axis),
        np.moveaxis(upstream, -1, axis),
    )
    expected = oracle.input_gradient(x, upstream, axes, mask=mask)
    largest = np.abs(expected).max(initial=1)
    np.testing.assert_allclose(np.moveaxis(slope, axis, -1), expected, atol=2e-5 * largest)


@given(cases(dtypes=("float32",), masks=False), st.integers(0, 255))
def test_integers_are_cast(case, low):
    layer, x, _, axis, axes, groups = case
    pixels = np.clip(np.abs(x) + low, 0, 255).astype("uint8")
    y = layer(np.moveaxis(pixels, -1, axis), training=True)
    expected = oracle.normalize(pixels, axes, groups=groups)
    y = np.moveaxis(ops.convert_to_numpy(y), axis, -1)
    np.testing.assert_allclose(y, expected, atol=tolerance(x, expected))
