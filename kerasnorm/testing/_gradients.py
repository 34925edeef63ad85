"""Checks gradients, by differences, and that a step of training keeps weights finite."""

import keras
import numpy as np
from keras import ops

from kerasnorm.backend.autodiff import gradient
from kerasnorm.testing._subject import Subject, has_float64, require

_STEPS = {"float64": (1e-5, 1e-3), "float32": (1e-2, 2e-2)}  # of the differences, and tolerance


def gradient_by_differences(subject: Subject) -> None:
    """The gradient by the input is the slope of the formula in a random direction."""
    random = np.random.default_rng(3)
    x = subject.inputs().astype("float64")
    layer = subject.built()
    scalar, dtype = _scalar(subject, layer)
    weights = random.normal(size=np.shape(subject.wanted(x.astype("float32"))))
    direction = random.normal(size=x.shape)
    step, tolerance = _STEPS[dtype]
    slope = (scalar(x + step * direction, weights) - scalar(x - step * direction, weights)) / (
        2 * step
    )
    found = _input_gradient(subject, layer, x.astype("float32"), weights.astype("float32"))
    received = float((found * direction).sum())
    scale = max(abs(slope), 0.1 * float(np.linalg.norm(found)), 1e-3)
    require(
        abs(received - slope) <= tolerance * scale,
        f"The gradient in a random direction should be {slope:.6g}, the slope between two "
        f"outputs. Received: {received:.6g}.",
    )


def _scalar(subject, layer):
    """Returns a function from input and weights to Σ weights·output, and its precision."""
    if subject.expected is not None:
        return (lambda x, weights: float((subject.expected(x) * weights).sum())), "float64"
    dtype = "float64" if has_float64() else "float32"
    twin = subject.built(dtype=dtype)
    twin.set_weights(layer.get_weights())

    def scalar(x, weights):
        y = twin(ops.convert_to_tensor(x, dtype), training=subject.training)
        return float((ops.convert_to_numpy(y) * weights).sum())

    return scalar, dtype


def _input_gradient(subject, layer, x, weights, **kwargs):
    def total(x):
        return ops.sum(ops.multiply(layer(x, training=subject.training, **kwargs), weights))

    return ops.convert_to_numpy(gradient(total, x)).astype("float64")


def training_step(subject: Subject) -> None:
    """A step of `fit` leaves every weight finite, and moves one, if the layer can be trained."""
    layer = subject.built()
    if not layer.trainable_weights:
        return
    inputs = keras.Input(batch_shape=subject.input_shape)
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    before = [ops.convert_to_numpy(weight) for weight in layer.trainable_weights]
    target = np.random.default_rng(5).normal(size=model.output_shape).astype("float32")
    loss = model.train_on_batch(subject.inputs(), target)
    require(bool(np.isfinite(loss)), f"The loss should be finite. Received: {loss}.")
    for weight in layer.weights:
        finite = np.isfinite(ops.convert_to_numpy(weight)).all()
        require(bool(finite), f"The weight `{weight.path}` should be finite after a step.")
    moved = [
        not np.array_equal(ops.convert_to_numpy(weight), old)
        for weight, old in zip(layer.trainable_weights, before, strict=True)
    ]
    require(any(moved), "A step should move at least one of the trainable weights.")


def mask_keeps_gradients_out(subject: Subject) -> None:
    """Positions that the mask leaves out have no gradient, and give none to the others."""
    mask, x = subject.mask_of(), subject.inputs()
    spoiled = np.where(mask[..., None], x, np.nan).astype("float32")
    weights = np.random.default_rng(7).normal(size=np.shape(subject.wanted(x))).astype("float32")
    layers = subject.built(), subject.built()
    layers[1].set_weights(layers[0].get_weights())
    clean, found = (
        _input_gradient(subject, layer, given, weights, mask=mask)
        for layer, given in zip(layers, (x, spoiled), strict=True)
    )
    require(bool((found[~mask] == 0).all()), "The gradient should be 0 where the mask is False.")
    same = np.array_equal(found, clean)
    require(same, "What the mask leaves out should change no gradient elsewhere.")
