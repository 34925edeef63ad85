"""Population statistics for batch normalization."""

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
    """The new (mean, variance) by the layer's path.

    Attributes:
        probe: What the `probe` of `recompute_statistics` gave before and after; None without one.
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

    After training, or on a new domain without labels ("precise BN"): moving averages are noisy at
    small batches, and lag behind the weights. Each batch runs through the model with dropout and
    augmentation off, while each batch normalization, frozen or not, uses the statistics of the
    batch; the mean and variance of all values it is given, padding apart, become its moving ones.
    They are pooled exactly, whatever the sizes of the batches, and without cancelling at any mean.
    Give batches as large as those of training, and shuffled: what deeper layers get depends on what
    is in a batch. Arrays are shuffled here, always in the same way, since those of a sorted folder
    would give batches of one class.

    It may cost a pretrained network more than it brings; see what it did to a `probe`.

    Args:
        model: built keras.Model of any kind. Its statistics change, and nothing else.
        dataset: an array of all examples, (x, y), a dict of arrays, or a list of as many arrays as
            the model has inputs: batches of 32. Or a tf.data.Dataset, keras.utils.PyDataset or
            another iterable of batches of x, (x, y) or (x, y, w).
        steps: how many batches to use; None: all. 200 are usually enough.
        probe: takes the model and returns a number, such as the balanced accuracy on labelled
            examples of `solve_head` on its features. Called before and after. Defaults to None.

    Returns:
        The new (mean, variance) by the layer's path: float64 arrays of shape (channels,); and as
        its attribute `probe` what the probe gave before and after. The
        variance is as the layer has it: biased, unless `unbiased=True`. Layers that no value
        reaches, or without moving statistics, are not there, and stay as they are.

    Raises:
        ValueError: if there is no batch normalization, `dataset` is none, too short or endless, a
            statistic is not finite, or a layer is inside a recurrent one. Nothing is changed then.

    Example:

    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.BatchNormalization(name="bn")])
    >>> mean, variance = recompute_statistics(model, [np.ones((3, 1)), np.full((1, 1), 5.0)])["bn"]
    >>> mean.tolist(), variance.tolist()
    ([2.0], [3.0])

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
    """Lets layers use the statistics of each call's input, which are gathered; then as before."""
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
                "steps cannot be looked at one by one. Replace it, for example by 'layer'."
            )


def _statistics(leaf: Leaf, population: Population) -> tuple[np.ndarray, np.ndarray]:
    found = population.mean, population.variance(getattr(leaf.layer, "unbiased", False))
    if not all(np.isfinite(part).all() for part in found):
        raise ValueError(
            f"The inputs of the layer at '{leaf.path}' are not finite, so its statistics would not "
            "be. Look for NaN or infinity in the data and in the weights."
        )
    return found
