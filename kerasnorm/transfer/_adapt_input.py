"""Adapts a pretrained model to images of another size or with other channels."""

from typing import Any

import keras
import numpy as np

from kerasnorm._validation import as_int
from kerasnorm.models import copy_model, graph_of, plain_class, plain_config, put_under_path_of
from kerasnorm.transfer._rewiring import first_convolution, on_inputs


def adapt_input(
    model: keras.Model,
    channels: int | None = None,
    size: int | tuple[int | None, ...] | None = None,
) -> keras.Model:
    """Adapts a model with its weights to other images: grey, many bands, another size.

    Each old channel is distributed over the new ones in turn: channel c of C new ones gets the
    weights of channel c mod 3 of RGB, divided by how often it occurs; fewer channels get the sum of
    several. Outputs for an image with equal channels do not change. For grey images the kernel is
    the sum over R, G and B. The kernel of the first convolution changes if the images reach it
    unchanged, up to scaling and padding; if something treats the channels separately (a mean
    subtracted from each), a 1×1 convolution before the model does the same.

    Args:
        model: Built functional or Sequential model with one input of images, (H, W, C) or
            (C, H, W) as `keras.config.image_data_format()` says; it is unchanged. Nested models
            are adapted too.
        channels: Number of channels of the new images, an int ≥ 1. Defaults to None, for no change.
        size: An int, or a tuple with an int or None (any) for each spatial axis. Defaults to None,
            for no change.

    Returns:
        An uncompiled functional model with the flags of the given model.

    Raises:
        ValueError: If neither is given or one is out of range, the model has another kind of
            input or no graph, or a layer has weights for the old size (a Dense on flattened maps).

    Example:

    >>> conv = keras.layers.Conv2D(4, 3, name="conv")
    >>> model = keras.Sequential([keras.Input((32, 32, 3)), conv])
    >>> grey = adapt_input(model, channels=1, size=64)
    >>> grey.output_shape, tuple(grey.get_layer("conv").kernel.shape)
    ((None, 62, 62, 4), (3, 3, 1, 4))

    See also:
        `replace_head`; `kerasnorm.recipe.classifier`.

    Reference:
        Wightman, 2019, PyTorch Image Models (grey from the sum of RGB),
        https://github.com/huggingface/pytorch-image-models
    """
    if channels is None and size is None:
        raise ValueError("`channels` or `size` should be given. Received: neither.")
    new = copy_model(model)
    if graph_of(new) is None or len(new.inputs) != 1 or not 3 <= len(new.input_shape) <= 5:
        raise ValueError(
            "`model` should be a functional or Sequential model with one input of images. "
            f"Received: '{model.name}' of class {type(model).__name__}."
        )
    convolution = first_convolution(new)
    axis = _channel_axis(convolution)
    shape = _new_shape(new.input_shape, axis, channels, size)
    mixing = _shares(new.input_shape[axis], shape[axis])
    (given,) = new.inputs
    images = inputs = keras.Input(batch_shape=shape, dtype=given.dtype, name=given.name)
    replacements = {}
    if mixing is not None and convolution is not None:
        replacements[id(convolution)] = _mixed(convolution, mixing)
    elif mixing is not None:
        inputs = _first(len(shape) - 2, mixing)(images)
    try:
        return on_inputs(new, images, inputs, replacements)
    except ValueError as error:
        raise ValueError(
            f"Model '{model.name}' cannot take images of {shape[1:]}. It may have weights for "
            f"{model.input_shape[1:]}, such as a Dense layer on flattened maps; end it in a "
            f"global pooling layer instead. {error}"
        ) from error


def _channel_axis(convolution: keras.layers.Layer | None) -> int:
    name = keras.config.image_data_format() if convolution is None else convolution.data_format
    return 1 if name == "channels_first" else -1


def _new_shape(
    shape: tuple[int | None, ...], axis: int, channels: Any, size: Any
) -> tuple[int | None, ...]:
    """Returns the shape of a batch of the new images."""
    old = list(shape[1:])
    known = old.pop(axis if axis < 0 else 0)
    if channels is not None:
        if known is None:
            raise ValueError("`channels` needs a model that knows how many it has.")
        known = as_int("channels", channels, low=1)
    if size is not None:
        sizes = size if isinstance(size, (tuple, list)) else [size] * len(old)
        if len(sizes) != len(old):
            raise ValueError(f"`size` should have {len(old)} entries. Received: size={size!r}.")
        old = [None if each is None else as_int("size", each, low=1) for each in sizes]
    return (shape[0], known, *old) if axis == 1 else (shape[0], *old, known)


def _shares(old: int, new: int) -> np.ndarray | None:
    """Returns the share of each old channel in each new one, (new, old); columns sum to 1.

    None where nothing changes.
    """
    if old == new:
        return None
    step = min(old, new)
    same = np.arange(new)[:, None] % step == np.arange(old)[None] % step
    return same / same.sum(axis=0)


def _mixed(convolution: keras.Layer, shares: np.ndarray) -> keras.Layer:
    """Returns a convolution that sees the old channels in the new ones."""
    kernel, *bias = convolution.get_weights()
    new = plain_class(convolution).from_config(plain_config(convolution))
    put_under_path_of(new, convolution)
    _build(new, len(shares))
    new.set_weights([np.einsum("ck,...kf->...cf", shares, kernel), *bias])
    return new


def _first(axes: int, shares: np.ndarray) -> keras.Layer:
    """Returns a 1×1 convolution that makes the old channels of the new ones."""
    cls = getattr(keras.layers, f"Conv{axes}D")
    layer = cls(shares.shape[1], 1, use_bias=False, name="adapted_channels")
    _build(layer, len(shares))
    layer.set_weights([shares.reshape((1,) * axes + shares.shape)])
    return layer


def _build(convolution: keras.Layer, channels: int) -> None:
    spatial = (None,) * convolution.rank
    first = convolution.data_format == "channels_first"
    convolution.build((None, channels, *spatial) if first else (None, *spatial, channels))
