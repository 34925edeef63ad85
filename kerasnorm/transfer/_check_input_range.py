"""Checks whether images are in the range that a network was trained on."""

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.data import input_batches
from kerasnorm.models import Leaf, leaves, other_calls
from kerasnorm.transfer._pixel_ranges import Step, steps_to_others

_FAR = math.log(8)  # photographs are within 3, and 0 to 1 in place of 0 to 255 is far beyond
_IMAGES = 16
_MARGIN = 8  # of a map, the part at each edge, where padding is seen


def check_input_range(model: keras.Model, images: Any) -> float | None:
    """Warns if images are in another range than those that a network was trained on.

    A network that expects pixels of -1 to 1 and gets 0 to 255, or the reverse, raises no error; its
    predictions are only worse. The moving statistics of its first batch normalization show which
    inputs it had in training: a few images are passed up to that layer. If the standard deviation
    of the channels is typically more than 8 times that of training, or less than an eighth, and
    another usual range would fit, a warning names all such ranges.

    Only the standard deviation is compared, since other kinds of photographs have other means:
    ranges of 0 to 1 and -1 to 1 cannot be distinguished, nor 0 to 255 with and without a mean
    subtracted, or RGB and BGR.

    Args:
        model: Built keras.Model of images, with its preprocessing if it has any.
        images: Images as the model gets them: an array (N, H, W, C), or other data as for
            `kerasnorm.surgery.recompute_statistics`. 16 of them are used.

    Returns:
        The standard deviation of the first normalization's inputs relative to training, the median
        over channels; about 1 if the range is right. None, without a warning, if that is unknown:
        the model takes no images, has no trained batch normalization, or has another normalization
        before it, which compensates for any range.

    Raises:
        ValueError: If `model` is not built, or `images` cannot be read.

    Example:

    >>> layers = [keras.layers.Rescaling(1 / 127.5, -1), keras.layers.BatchNormalization()]
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    >>> model.layers[-1].set_weights([np.full(3, each) for each in (1.0, 0.0, 0.0, 0.34)])
    >>> images = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3))
    >>> round(check_input_range(model, images))
    1

    See also:
        `kerasnorm.recipe.classifier`, which puts the preprocessing inside; `adapt_input`, for
        images of another size or with other channels.
    """
    normalizations = [leaf for leaf in leaves(model) if leaf.has_statistics]
    batch = _some(next(input_batches(model, images, 1))) if normalizations else None
    if batch is None:
        return None
    found = _first_inputs(model, batch, normalizations)
    if found is None or not _has_learnt(found[0].layer):
        return None
    first, inputs = found
    difference = _difference(first.layer, inputs)
    if abs(difference) <= _FAR:
        return math.exp(difference)
    fitting = [
        (each, step)
        for each, step in steps_to_others(batch)
        if abs(_difference(first.layer, _changed(model, batch, step, first))) <= _FAR
    ]
    if fitting:
        warnings.warn(_message(batch, fitting, first, difference), stacklevel=2)
    return math.exp(difference)


def _changed(model: keras.Model, batch: np.ndarray, step: Step, first: Leaf) -> np.ndarray:
    """Returns the inputs of a normalization if the images were in another range."""
    scale, offset = step
    changed = (batch * scale + offset).astype("float32")
    _, inputs = _first_inputs(model, changed, [first])
    return inputs


class _Reached(BaseException):
    """Stops a forward pass once its inputs are known; no Exception, which Keras would rewrite."""

    def __init__(self, leaf: Leaf, inputs: np.ndarray) -> None:
        super().__init__()
        self.leaf, self.inputs = leaf, inputs


def _first_inputs(
    model: keras.Model, batch: np.ndarray, normalizations: list[Leaf]
) -> tuple[Leaf, np.ndarray] | None:
    """Returns the normalization that is called first, and its inputs as (positions, channels)."""

    def stop_at(place: int, _: keras.Layer) -> Callable[..., Any]:
        def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            raise _Reached(normalizations[place], keras.ops.convert_to_numpy(inputs))

        return call

    try:
        with other_calls([leaf.layer for leaf in normalizations], stop_at):
            model(keras.ops.convert_to_tensor(batch), training=False)
    except _Reached as reached:
        return reached.leaf, _inner_rows(reached.inputs, reached.leaf.layer.axis)
    return None


def _some(inputs: Any) -> np.ndarray | None:
    """Returns a few images, spread over the batch; None if these are no images."""
    if not isinstance(inputs, np.ndarray) or inputs.ndim != 4:
        return None
    step = max(1, len(inputs) // _IMAGES)
    return inputs[::step][:_IMAGES].astype("float32")


def _inner_rows(inputs: np.ndarray, axis: int) -> np.ndarray:
    """Returns the inputs of a normalization away from the edges of the maps, (positions, C)."""
    inputs = np.moveaxis(inputs.astype("float64"), axis, -1)
    for spatial in range(1, inputs.ndim - 1):
        size = inputs.shape[spatial]
        edge = min(-(-size // _MARGIN), (size - 1) // 2)
        inputs = inputs.take(range(edge, size - edge), axis=spatial)
    return inputs.reshape(-1, inputs.shape[-1])


def _has_learnt(layer: keras.Layer) -> bool:
    mean, variance = _statistics(layer)
    return bool(mean.any() or (variance != 1).any())


def _statistics(layer: keras.Layer) -> Iterator[np.ndarray]:
    return (
        np.asarray(each).astype("float64").ravel()
        for each in (layer.moving_mean, layer.moving_variance)
    )


def _difference(layer: keras.Layer, inputs: np.ndarray) -> float:
    """Returns the median log of the channels' standard deviations relative to training."""
    _, variance = _statistics(layer)
    alive = variance > 1e-6 * np.median(variance)
    ratios = np.maximum(inputs.var(axis=0)[alive], 1e-30) / variance[alive]
    return float(np.median(np.log(ratios)) / 2)


def _message(
    batch: np.ndarray, fitting: list[tuple[str, Step]], first: Leaf, difference: float
) -> str:
    names = " or ".join(name for name, _ in fitting)
    layers = ", or ".join(
        f"keras.layers.Rescaling({scale.tolist()}, {offset.tolist()}) for {name}"
        for name, (scale, offset) in fitting
    )
    return (
        "The images are in another range than those the model was trained on. Expected: about "
        f"{names}. Received: {batch.min():.3g} to {batch.max():.3g}, which at '{first.path}' "
        f"deviate {math.exp(difference):.2g} times as much as in training. Give images of the "
        f"expected range, or put before the model: {layers}."
    )
