"""Checks that what a mask leaves out reaches nothing."""

import keras
import numpy as np
from keras import ops

from kerasnorm.backend import get_keras_mask
from kerasnorm.testing._subject import Subject, require, require_close


def mask_keeps_values_out(subject: Subject) -> None:
    """NaN where the mask is False changes no output elsewhere, and makes nothing NaN."""
    mask, x = subject.mask_of(), subject.inputs()
    spoiled = np.where(mask[..., None], x, np.nan).astype("float32")
    layer = subject.built()
    received = subject.run(layer, spoiled, mask=mask)
    wanted = subject.wanted(x, mask=mask)
    require_close(received[mask], wanted[mask], subject.tolerance, "Output where the mask is True")
    hidden = bool(np.isfinite(received).all())
    require(hidden, "The output should be finite where the mask is False and the input NaN.")
    for weight in layer.weights:
        finite = np.isfinite(ops.convert_to_numpy(weight)).all()
        require(bool(finite), f"The weight `{weight.path}` should be finite: NaN is masked.")


def mask_travels_on(subject: Subject) -> None:
    """A mask of `keras.layers.Masking` reaches the layer and the one after it."""
    x = subject.inputs()
    x[:, -1:] = 0
    inputs = keras.Input(subject.input_shape[1:])
    model = keras.Model(inputs, subject.layer()(keras.layers.Masking()(inputs)))
    y = model(x, training=subject.training)
    mask = get_keras_mask(y)
    require(mask is not None, "The output should have the mask of the input.")
    expected = (x != 0).any(-1)
    same = np.array_equal(ops.convert_to_numpy(mask), expected)
    require(same, "The mask of the output should be the mask of the input.")
    wanted = subject.wanted(x, mask=expected)
    received = ops.convert_to_numpy(y).astype("float64")
    require_close(received[expected], wanted[expected], subject.tolerance, "Output after Masking")
