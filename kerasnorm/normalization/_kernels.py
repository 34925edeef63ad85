"""Finds the kernels of a layer, and computes with others in their place."""

import dataclasses
import math
from typing import Any

import keras
from keras import ops

from kerasnorm._types import Shape, Tensor
from kerasnorm._validation import listed
from kerasnorm.normalization._keras import attribute_of


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A variable of a layer or of a cell that it holds, found in any layer of its configuration.

    Attributes:
        name: Of the attribute: "kernel", "recurrent_kernel", "bias", …
        outputs: The axes, counted from the last, along which the layer's outputs lie.
        path: Attributes and indices from the layer to the holder: (), ("cell",), …
    """

    name: str
    outputs: tuple[int, ...] = (-1,)
    path: tuple[str | int, ...] = ()

    def variable(self, layer: keras.layers.Layer) -> keras.Variable:
        holder = layer
        for step in self.path:
            holder = _child(holder, step)
        attribute = self.attribute(holder)
        if not isinstance(vars(holder).get(attribute), keras.Variable):
            raise ValueError(
                f"{type(holder).__name__} should have a variable `{self.name}` once it is built. "
                f"Received: {listed(weight.name for weight in holder.weights)}."
            )
        return vars(holder)[attribute]

    def attribute(self, holder: keras.layers.Layer) -> str:
        """The attribute that the variable is kept in, where `name` itself may be a property."""
        return attribute_of(holder, self.name)

    def reduced(self, rank: int) -> tuple[int, ...]:
        """The axes of the inputs and taps that make up one output."""
        return tuple(axis for axis in range(rank) if axis - rank not in self.outputs)

    def output_shape(self, shape: Shape) -> tuple[int, ...]:
        return tuple(shape[axis] for axis in sorted(self.outputs))

    def along_outputs(self, x: Tensor, rank: int) -> Tensor:
        """Reshapes a tensor of `output_shape` so that it broadcasts to the kernel."""
        return ops.expand_dims(x, self.reduced(rank))

    def matrix(self, kernel: Tensor) -> Tensor:
        """Returns the kernel as the matrix that maps the values under it to the outputs."""
        rank = len(kernel.shape)
        order = (*self.reduced(rank), *(rank + axis for axis in sorted(self.outputs)))
        if order != tuple(range(rank)):
            kernel = ops.transpose(kernel, order)
        return ops.reshape(kernel, (-1, math.prod(kernel.shape[rank - len(self.outputs) :])))


_KERNEL = (Parameter("kernel"),)
_TRANSPOSED = (Parameter("kernel", (-2,)),)
# a depthwise kernel is (…, inputs, multiplier), with an output for each of their pairs
_DEPTHWISE = (Parameter("kernel", (-2, -1)),)
_SEPARABLE = (Parameter("depthwise_kernel", (-2, -1)), Parameter("pointwise_kernel"))
CONVOLUTIONAL = {
    keras.layers.Dense: _KERNEL,
    keras.layers.Conv1D: _KERNEL,
    keras.layers.Conv2D: _KERNEL,
    keras.layers.Conv3D: _KERNEL,
    keras.layers.Conv1DTranspose: _TRANSPOSED,
    keras.layers.Conv2DTranspose: _TRANSPOSED,
    keras.layers.Conv3DTranspose: _TRANSPOSED,
    keras.layers.DepthwiseConv1D: _DEPTHWISE,
    keras.layers.DepthwiseConv2D: _DEPTHWISE,
    keras.layers.SeparableConv1D: _SEPARABLE,
    keras.layers.SeparableConv2D: _SEPARABLE,
}
_EMBEDDING = {keras.layers.Embedding: (Parameter("embeddings"),)}
_RECURRENT = ("kernel", "recurrent_kernel")


def find_kernels(
    layer: Any, wrapper: str, convolutional_only: bool = False
) -> tuple[Parameter, ...]:
    """Returns the kernels of a layer, built or not; ValueError where it is no layer that has any.

    Args:
        layer: The layer.
        wrapper: Who asks, for the message.
        convolutional_only: Whether to refuse embeddings and recurrent layers. Defaults to False.
    """
    table = CONVOLUTIONAL if convolutional_only else {**CONVOLUTIONAL, **_EMBEDDING}
    for layer_class, found in table.items():
        if isinstance(layer, layer_class):
            return found
    recurrent = (keras.layers.RNN, keras.layers.Bidirectional)
    if isinstance(layer, recurrent) and not convolutional_only:
        return _find_recurrent(layer, ())
    supported = [layer_class.__name__ for layer_class in table]
    if not convolutional_only:
        supported += ["RNN, its subclasses and Bidirectional (not a cell on its own)"]
    raise ValueError(
        f"{wrapper} wraps a layer of one of these classes: {', '.join(supported)}. "
        f"Received: {layer!r} of type {type(layer).__name__}."
    )


def _find_recurrent(layer: Any, path: tuple[str | int, ...]) -> tuple[Parameter, ...]:
    if isinstance(layer, keras.layers.Bidirectional):
        steps = [("forward_layer",), ("backward_layer",)]
    elif isinstance(layer, keras.layers.RNN):
        steps = [("cell",)]
    elif isinstance(layer, keras.layers.StackedRNNCells):
        steps = [("cells", index) for index in range(len(layer.cells))]
    else:
        return tuple(Parameter(name, (-1,), path) for name in _RECURRENT)
    found = []
    for step in steps:
        child = layer
        for part in step:
            child = _child(child, part)
        found += _find_recurrent(child, (*path, *step))
    return tuple(found)


def substitute(
    layer: keras.layers.Layer, values: dict[Parameter, Tensor], **attributes: Any
) -> Any:
    """Returns a twin of a built layer that computes with other values for some parameters.

    The twin shares all else with the layer, which is not written to: no tensor of one call can
    outlive it there, and calls from several threads do not meet.
    """
    twin = _twin(layer)
    vars(twin).update(attributes)
    for parameter, value in values.items():
        holder = twin
        for step in parameter.path:
            child = _child(holder, step)
            child = list(child) if isinstance(child, list) else _twin(child)
            if isinstance(holder, list):
                holder[step] = child
            else:
                vars(holder)[step] = child
            holder = child
        # as Keras casts a variable that a layer reads
        value = ops.cast(value, holder.compute_dtype)
        vars(holder)[parameter.attribute(holder)] = value
    return twin


def _child(holder: Any, step: str | int) -> Any:
    return holder[step] if isinstance(step, int) else getattr(holder, step)


def _twin(layer: Any) -> Any:
    twin = object.__new__(type(layer))
    vars(twin).update(vars(layer))
    return twin
