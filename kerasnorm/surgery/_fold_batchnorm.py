"""Folds batch normalization into the layer in front of it."""

import warnings
from typing import Any

import keras
import numpy as np

from kerasnorm._validation import joined
from kerasnorm.models import become, build_like, copy_model, finish, plain_class, plain_config
from kerasnorm.normalization import CONVOLUTIONAL
from kerasnorm.surgery._foldable import Pair, find_pairs


def fold_batchnorm(model: keras.Model) -> keras.Model:
    """Folds batch normalizations into the convolutions in front of them, in a new model.

    Use it for inference: at fixed statistics a batch normalization is one product and one sum per
    channel, which the kernel and bias in front of it can absorb. It folds those directly after a
    Conv1D–3D, DepthwiseConv1D–2D, SeparableConv1D–2D, Conv1D–3DTranspose or Dense in a functional
    or Sequential model at any depth, and in a `ConvNormActivation`:

        W ← W · γ/√(σ² + ε),  b ← β + (b − μ) · γ/√(σ² + ε)

    Layers that cannot be folded exactly stay, and a warning names them with the reason: a layer
    that is called twice, an output that is also used elsewhere, an activation in between,
    `training=True`, other axes or dtypes, masks, wrappers, custom layers and subclassed models.

    Args:
        model: Built keras.Model. It is unchanged.

    Returns:
        A new model. A folded batch normalization becomes an `Identity` with its name, so that names
        and graph stay the same. Do not train it: its optimizer, if it is compiled, is new.

    Raises:
        ValueError: If the model cannot be copied. The message has the path of the layer.

    Example:

    >>> layers = [keras.layers.Conv2D(8, 3), keras.layers.BatchNormalization()]
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    >>> [len(layer.weights) for layer in fold_batchnorm(model).layers]
    [2, 0]

    See also:
        `recompute_statistics`, to do before; `kerasnorm.migrate.fold_weight_norm`.

    Reference:
        Jacob et al., 2018, Quantization and training of neural networks for efficient
        integer-arithmetic-only inference, https://arxiv.org/abs/1712.05877 (section 3.2)
    """
    new = copy_model(model)
    pairs, left = find_pairs(new)
    for pair in pairs:
        _fold(pair)
    if left:
        reasons = [f"'{path}' {reason}" for path, reason in left.items()]
        warnings.warn(
            f"{len(left)} of {len(left) + len(pairs)} batch normalizations are not folded: "
            f"{joined(reasons, most=5, between='; ')}.",
            stacklevel=2,
        )
    changed = [leaf for pair in pairs for leaf in (pair.conv, pair.norm)]
    return finish(new, model, changed, same_training=False)


def _fold(pair: Pair) -> None:
    conv, norm = pair.conv.layer, pair.norm.layer
    values = {name: _float64(getattr(norm, name)) for name in ("gamma", "beta")}
    mean, variance = _float64(norm.moving_mean), _float64(norm.moving_variance)
    scale = 1 / np.sqrt(variance + norm.epsilon)
    scale = scale if values["gamma"] is None else scale * values["gamma"]
    bias = _float64(conv.bias) if conv.use_bias else 0.0
    bias = (bias - mean) * scale + (0.0 if values["beta"] is None else values["beta"])
    if not conv.use_bias:
        _add_bias(conv)
    parameter = CONVOLUTIONAL[plain_class(conv)][-1]  # of a separable one, the pointwise kernel
    kernel = parameter.variable(conv)
    axes = [axis % len(kernel.shape) for axis in parameter.outputs]
    shape = [size if axis in axes else 1 for axis, size in enumerate(kernel.shape)]
    kernel.assign(_float64(kernel) * scale.reshape(shape))
    conv.bias.assign(bias)
    become(norm, keras.layers.Identity(name=norm.name, dtype=norm.dtype_policy.name))


def _add_bias(conv: keras.Layer) -> None:
    cls = plain_class(conv)
    new = cls.from_config({**plain_config(conv), "use_bias": True})
    build_like(new, conv)
    for old, twin in zip(conv.weights, new.weights, strict=False):  # the bias is the last
        twin.assign(keras.ops.convert_to_numpy(old))
        twin.trainable = old.trainable
    become(conv, new)


def _float64(variable: Any) -> np.ndarray | None:
    if variable is None:
        return None
    return keras.ops.convert_to_numpy(variable).astype(np.float64)
