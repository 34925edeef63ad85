"""Freezes the statistics of batch normalization, apart from γ and β."""

import warnings

import keras

from kerasnorm.models import Leaf, leaves, remember, set_statistics, statistics_set


def freeze_statistics(model: keras.Model) -> list[str]:
    """Freezes all moving statistics, in `fit` and in files, while γ and β still train.

    Use it for small batches, or for data unlike those of the pretraining, whose statistics would
    replace good ones. Calling a nested model with `training=False` has no such effect: `fit`
    ignores that.

    Args:
        model: Built keras.Model of any kind; its layers with `moving_mean` and `moving_variance`
            normalize with these from then on. Compile it (again) before `fit`.

    Returns:
        The paths of the layers that changed. Files load after `import kerasnorm`.

    Raises:
        ValueError: If the model is not built.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(name="bn")])
    >>> freeze_statistics(model)
    ['bn']
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(keras.ops.ones((8, 4)), keras.ops.zeros((8, 4)), verbose=0)
    >>> float(model.layers[0].moving_mean[0])
    0.0

    See also:
        `unfreeze_statistics`; `kerasnorm.transfer.freeze`, which also freezes weights.

    Reference:
        Ioffe and Szegedy, 2015, Batch normalization, https://arxiv.org/abs/1502.03167
    """
    changed = [leaf for leaf in _normalizations(model) if statistics_set(leaf.layer) is not False]
    return _set(model, changed, False)


def unfreeze_statistics(model: keras.Model) -> list[str]:
    """Undoes `freeze_statistics`, so that moving statistics follow `trainable` again.

    Args:
        model: Built keras.Model of any kind. A layer whose `trainable` is False keeps its
            statistics, as always in Keras.

    Returns:
        The paths of the layers that changed.

    Raises:
        ValueError: If the model is not built.

    Example:

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(name="bn")])
    >>> frozen = freeze_statistics(model)
    >>> unfreeze_statistics(model)
    ['bn']

    See also:
        `freeze_statistics`.
    """
    changed = [leaf for leaf in _normalizations(model) if statistics_set(leaf.layer) is False]
    return _set(model, changed, None)


def warn_if_compiled(model: keras.Model) -> None:
    """Warns that a compiled model still trains as it was compiled."""
    if model.compiled:
        warnings.warn(
            f"Model '{model.name}' is compiled, and `fit` may still train as before the change. "
            "Call `model.compile(...)` again before `fit`.",
            stacklevel=4,  # the caller of the public function
        )


def _normalizations(model: keras.Model) -> list[Leaf]:
    return [leaf for leaf in leaves(model) if leaf.has_statistics]


def _set(model: keras.Model, changed: list[Leaf], moving: bool | None) -> list[str]:
    for leaf in changed:
        set_statistics(leaf.layer, moving)
        remember(leaf.holders)
    if changed:
        warn_if_compiled(model)
    return [leaf.path for leaf in changed]
