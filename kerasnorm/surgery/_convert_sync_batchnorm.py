"""Converts batch normalization to synchronous, and back."""

from collections.abc import Callable

import keras

from kerasnorm.models import (
    Leaf,
    build_like,
    copy_model,
    finish,
    origin_of,
    plain_class,
    plain_config,
)
from kerasnorm.normalization import BatchNormalization, SyncBatchNormalization
from kerasnorm.surgery._kinds import kind_of, normalizations
from kerasnorm.surgery._sync_keras_batch_normalization import SyncKerasBatchNormalization
from kerasnorm.surgery._translate import put_in_place


def convert_sync_batchnorm(model: keras.Model) -> keras.Model:
    """Returns a new model whose batch normalizations are synchronized over replicas.

    Use it before training on several devices with a small batch each. At inference the outputs are
    bitwise equal to those of the given model; in training the statistics are those of
    `SyncBatchNormalization`. For export, convert back with `revert_sync_batchnorm`.

    Args:
        model: Built keras.Model of any kind, with batch normalizations of Keras or of this package
            at any depth. It is unchanged.

    Returns:
        A new model with everything else kept: weights, names, flags and compile settings, with the
        state of the optimizer. Files load after `import kerasnorm`. The keys of a
        `.weights.h5` file follow class names, so it loads into a model that is converted too.

    Raises:
        ValueError: If a batch normalization cannot be synchronous (ghost batches, renorm, a custom
            class that computes something else), or the model cannot be copied. The message
            has the path of the layer. Nothing is changed then.

    Example:

    >>> from kerasnorm.normalization import SyncBatchNormalization
    >>> layers = [keras.layers.Conv2D(8, 3), keras.layers.BatchNormalization(name="bn")]
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    >>> synchronous = convert_sync_batchnorm(model)
    >>> isinstance(synchronous.get_layer("bn"), SyncBatchNormalization)
    True
    >>> type(revert_sync_batchnorm(synchronous).get_layer("bn")) is keras.layers.BatchNormalization
    True

    See also:
        `revert_sync_batchnorm`, the way back; `kerasnorm.normalization.SyncBatchNormalization`.

    Reference:
        Peng et al., 2018, MegDet: a large mini-batch object detector,
        https://arxiv.org/abs/1711.07240
    """
    for leaf in normalizations(model):
        if kind_of(leaf.layer) == "batch":
            _check_convertible(leaf)
    return _each(model, "batch", _synchronous)


def revert_sync_batchnorm(model: keras.Model) -> keras.Model:
    """Returns a new model whose batch normalizations are no longer synchronized.

    Undoes `convert_sync_batchnorm`: layers get the class that they were converted from. Any other
    `SyncBatchNormalization` becomes a `BatchNormalization`, and `synchronized=True` becomes False.

    Args:
        model: Built keras.Model of any kind. It is unchanged.

    Returns:
        A new model with everything else kept, as in `convert_sync_batchnorm`.

    Raises:
        ValueError: If the model cannot be copied. The message has the path of the layer.

    Example:

    >>> from kerasnorm.normalization import SyncBatchNormalization
    >>> model = keras.Sequential([keras.Input((3,)), SyncBatchNormalization(name="bn")])
    >>> type(revert_sync_batchnorm(model).get_layer("bn")).__name__
    'BatchNormalization'

    See also:
        `convert_sync_batchnorm`.
    """
    return _each(model, "sync_batch", _local)


def _each(model: keras.Model, kind: str, make: Callable[[keras.Layer], keras.Layer]) -> keras.Model:
    new = copy_model(model)
    changed = [leaf for leaf in normalizations(new) if kind_of(leaf.layer) == kind]
    for leaf in changed:
        layer = make(leaf.layer)
        build_like(layer, leaf.layer)
        put_in_place(leaf.layer, layer)
    return finish(new, model, changed)


def _check_convertible(leaf: Leaf) -> None:
    layer, cls = leaf.layer, plain_class(leaf.layer)
    problem = None
    if getattr(layer, "virtual_batch_size", None) is not None:
        problem = "normalizes ghost batches, which are the opposite"
    elif getattr(layer, "renorm", False):
        problem = "uses batch renormalization, which has no synchronous form here"
    elif cls is not BatchNormalization and cls.call is not keras.layers.BatchNormalization.call:
        problem = f"is a {cls.__name__} with a `call` of its own, which would be lost"
    if problem is not None:
        raise ValueError(
            f"The batch normalization at '{leaf.path}' {problem}. Replace it first with "
            "`replace_normalization(model, 'batch', where=…)`."
        )


def _synchronous(layer: keras.Layer) -> keras.Layer:
    config = plain_config(layer)
    if isinstance(layer, BatchNormalization):
        kept = SyncBatchNormalization().get_config()
        return SyncBatchNormalization.from_config({key: config[key] for key in kept})
    kept = SyncKerasBatchNormalization.arguments
    config = {key: config[key] for key in kept} | {"origin": origin_of(layer)}
    return SyncKerasBatchNormalization.from_config(config)


def _local(layer: keras.Layer) -> keras.Layer:
    config = plain_config(layer)
    if isinstance(layer, SyncKerasBatchNormalization):
        origin = layer.origin
        now = {key: config[key] for key in ("name", "trainable")}
        return keras.saving.deserialize_keras_object(
            {**origin, "config": {**origin["config"], **now}}
        )
    if isinstance(layer, SyncBatchNormalization):
        return BatchNormalization.from_config(config)
    return plain_class(layer).from_config({**config, "synchronized": False})
