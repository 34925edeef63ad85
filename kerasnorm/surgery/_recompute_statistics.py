"""Recomputes the statistics of batch normalization on a population."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from kerasnorm.data import input_batches
from kerasnorm.models import Leaf, other_calls
from kerasnorm.normalization import BatchNormalization
from kerasnorm.surgery._kinds import BATCH, kind_of, normalizations
from kerasnorm.surgery._population import Population
from kerasnorm.surgery._translate import shared_twin

_SEED = 0  # of the order of arrays


class Statistics(dict[str, tuple[np.ndarray, np.ndarray]]):
    """Dict from the path of a layer to its new (mean, variance).

    Attributes:
        probe: Results of the `probe` of `recompute_statistics` before and after; None without one.
    """

    probe: tuple[float, float] | None = None


def recompute_statistics(
    model: keras.Model,
    dataset: Any,
    steps: int | None = None,
    *,
    probe: Callable[[keras.Model], float] | None = None,
) -> Statistics:
    """Sets the statistics of all batch normalizations to those of a whole population.

    Use it after training, or on a new domain without labels ("precise BN"): moving averages are
    noisy with small batches, and lag behind the weights. Each batch runs through the model without
    dropout and augmentation, while each batch normalization, frozen or not, uses the statistics of
    the batch; the mean and variance of all its input values, except padding, become its moving
    statistics. They are pooled exactly for any batch sizes, without cancellation at any mean. Use
    shuffled batches of the size of training: the input of deeper layers depends on the batch.
    Arrays are shuffled, always in the same order, since a sorted array would give batches of one
    class.

    It can harm a pretrained network; pass a `probe` to see the effect.

    Args:
        model: Built keras.Model of any kind. Only its statistics change.
        dataset: An array of all examples, (x, y), a dict of arrays, or a list of as many arrays as
            the model has inputs: batches of 32. Or a tf.data.Dataset, keras.utils.PyDataset or
            another iterable of batches of x, (x, y) or (x, y, w).
        steps: Number of batches to use; 200 are usually enough. Defaults to None, for all.
        probe: Function that takes the model and returns a number, such as the balanced accuracy of
            `solve_head` on its features; called before and after. Defaults to None.

    Returns:
        The new (mean, variance) by the layer's path: float64 arrays of shape (channels,); and as
        its attribute `probe` what the probe gave before and after. The
        variance is as the layer has it: biased, unless `unbiased=True`. Layers without input
        values or without moving statistics are not included, and do not change.

    Raises:
        ValueError: If there is no batch normalization, `dataset` is invalid, too short or endless,
            a statistic is not finite, or a layer is inside a recurrent one. In that case nothing is
            changed.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.BatchNormalization(name="bn")])
    >>> mean, variance = recompute_statistics(model, [np.ones((3, 1)), np.full((1, 1), 5.0)])["bn"]
    >>> mean.tolist(), variance.tolist()
    ([2.0], [3.0])

    See also:
        `freeze_statistics`; `kerasnorm.normalization.BatchNormalization`.

    Reference:
        Wu and Johnson, 2021, Rethinking "Batch" in BatchNorm, https://arxiv.org/abs/2105.07576
    """
    found = [leaf for leaf in normalizations(model) if kind_of(leaf.layer) in BATCH]
    found = [leaf for leaf in found if leaf.layer.moving_mean is not None]
    _check(model, found)
    before = None if probe is None else float(probe(model))
    with _recording(found) as populations:
        for inputs in input_batches(model, dataset, steps, _SEED):
            model(inputs, training=False)
    seen = [pair for pair in zip(found, populations, strict=True) if pair[1].count]
    statistics = [_statistics(leaf, population) for leaf, population in seen]
    for (leaf, _), (mean, variance) in zip(seen, statistics, strict=True):
        leaf.layer.moving_mean.assign(mean)
        leaf.layer.moving_variance.assign(variance)
        if getattr(leaf.layer, "renorm", False):
            deviation = np.sqrt(variance + leaf.layer.epsilon)
            leaf.layer.moving_stddev.assign(deviation)
            leaf.layer.renorm_stddev.assign(deviation)
            leaf.layer.renorm_mean.assign(mean)
    result = Statistics(zip((leaf.path for leaf, _ in seen), statistics, strict=True))
    if probe is not None and before is not None:
        result.probe = before, float(probe(model))
    return result


@contextlib.contextmanager
def _recording(found: list[Leaf]) -> Iterator[list[Population]]:
    """Lets layers normalize with the statistics of their input, gathers these, then restores."""
    populations = [Population() for _ in found]
    layers = [leaf.layer for leaf in found]
    with other_calls(layers, lambda place, layer: _recorder(layer, populations[place])):
        yield populations


def _recorder(layer: keras.Layer, population: Population):
    worker = layer if isinstance(layer, BatchNormalization) else shared_twin(layer)

    def call(inputs, training=None, mask=None):
        x, mask = worker._masked(inputs, mask)
        y, statistics = worker._normalize(x, mask, worker.view(x.shape), training=False)
        population.add(*map(keras.ops.convert_to_numpy, statistics))
        return worker._finish(y, mask)

    return call


def _check(model: keras.Model, found: list[Leaf]) -> None:
    if not found:
        raise ValueError(f"Model '{model.name}' has no batch normalization with moving statistics.")
    for leaf in found:
        if leaf.in_recurrent:
            raise ValueError(
                f"The batch normalization at '{leaf.path}' is inside a recurrent layer, whose "
                "steps cannot be observed one by one. Replace it, for example by 'layer'."
            )


def _statistics(leaf: Leaf, population: Population) -> tuple[np.ndarray, np.ndarray]:
    found = population.mean, population.variance(getattr(leaf.layer, "unbiased", False))
    if not all(np.isfinite(part).all() for part in found):
        raise ValueError(
            f"The inputs of the layer at '{leaf.path}' are not finite, so its statistics would not "
            "be. Look for NaN or infinity in the data and in the weights."
        )
    return found
