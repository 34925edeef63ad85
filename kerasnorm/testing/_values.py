"""Checks what a layer computes: values, sizes, dtypes, empty batches, compiled or not."""

import keras
import numpy as np
from keras import ops

from kerasnorm.backend.autodiff import compiled
from kerasnorm.testing._subject import (
    Subject,
    as_array,
    has_float64,
    require,
    require_close,
    require_equal,
)


def formula(subject: Subject) -> None:
    """The output is the one expected."""
    x = subject.inputs()
    require_close(subject.run(subject.layer(), x), subject.wanted(x), subject.tolerance, "Output")


def inference_is_repeatable(subject: Subject) -> None:
    """At inference two calls give the same, and no weight moves."""
    layer, x = subject.built(), subject.inputs()
    before = layer.get_weights()
    first, second = (as_array(layer(x, training=False)) for _ in range(2))
    require_close(second, first, 0.0, "A second output at inference")
    _require_unmoved(layer, before, "inference")


def sizes_may_vary(subject: Subject) -> None:
    """A model whose input has unknown sizes takes others."""
    axes = {axis % len(subject.input_shape) for axis in subject.dynamic_axes}
    sizes = [None if k in axes else size for k, size in enumerate(subject.input_shape)]
    inputs = keras.Input(batch_shape=tuple(sizes))
    model = keras.Model(inputs, subject.layer()(inputs))
    for more in (0, 2):
        shape = tuple(s + more * (k in axes) for k, s in enumerate(subject.input_shape))
        x = subject.inputs(shape)
        received = as_array(model(x, training=subject.training))
        require_close(received, subject.wanted(x), subject.tolerance, f"Output for {shape}")


def integers(subject: Subject) -> None:
    """Integers and bools compute what the same numbers do as floats."""
    for dtype in ("uint8", "int32", "bool"):
        x = np.random.default_rng(0).integers(0, 200, subject.input_shape).astype(dtype)
        received = subject.run(subject.layer(), x)
        require_close(received, subject.wanted(x), subject.tolerance, f"Output for {dtype}")


def dtypes(subject: Subject) -> None:
    """The output has the policy's dtype and is what is expected, within the policy's tolerance."""
    x = subject.inputs()
    wanted = subject.wanted(x)
    for policy, tolerance in subject.policies.items():
        layer = subject.layer(dtype=policy)
        y = layer(x, training=subject.training)
        received = keras.backend.standardize_dtype(y.dtype)
        if layer.compute_dtype != "float64" or has_float64():
            what = f"The dtype of the output with {policy!r}"
            require_equal(received, layer.compute_dtype, what)
        require_close(as_array(y), wanted, tolerance, f"Output with {policy!r}")


def empty_batch(subject: Subject) -> None:
    """A batch without examples gives one without examples, and moves no weight."""
    layer = subject.built()
    before = layer.get_weights()
    y = subject.run(layer, np.zeros((0, *subject.input_shape[1:]), "float32"))
    expected = (0, *subject.run(subject.built(), subject.inputs()).shape[1:])
    require_equal(y.shape, expected, "The shape of the output of an empty batch")
    _require_unmoved(layer, before, "an empty batch")


def compiled_by_xla(subject: Subject) -> None:
    """Compiled, where Keras' backend compiles, it computes the same; with its mask, too."""
    layer, x = subject.built(), subject.inputs()
    masks = [{}, {"mask": subject.mask_of()}] if subject.mask else [{}]
    function = compiled(lambda x: [layer(x, training=subject.training, **mask) for mask in masks])
    for received, mask in zip(function(x), masks, strict=True):
        what = "Output compiled, masked" if mask else "Output compiled"
        require_close(as_array(received), subject.wanted(x, **mask), subject.tolerance, what)


def _require_unmoved(layer, before, what):
    for weight, old in zip(layer.weights, before, strict=True):
        same = np.array_equal(ops.convert_to_numpy(weight), old)
        require(same, f"The weight `{weight.path}` should not move by {what}.")
