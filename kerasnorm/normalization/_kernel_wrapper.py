"""Holds the base class of wrappers that compute the kernel of the wrapped layer."""

import copy
from collections.abc import Callable
from typing import Any, Self

import keras
from keras import ops

from kerasnorm._types import Initializer, Shape, Tensor
from kerasnorm.normalization._kernels import Parameter, find_kernels, substitute


class KernelWrapper(keras.layers.Wrapper):
    """Runs a layer with a function of its kernel in place of the kernel.

    The layer's own variable stays what the optimizer, regularizers and constraints work on, and
    the gradient flows through the function. A subclass says in `substitutes` what it computes;
    that is float32 or wider whatever the dtype policy.
    """

    convolutional_only = False

    def __init__(self, layer: keras.layers.Layer, **kwargs: Any) -> None:
        name = type(self).__name__
        parameters = find_kernels(layer, name, self.convolutional_only)
        if layer.quantization_mode is not None:
            raise ValueError(
                f"{name} computes with a kernel of floats: wrap the layer before it is "
                f"quantized. Received: {layer!r} with quantization {layer.quantization_mode!r}."
            )
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = layer.dtype_policy
        super().__init__(layer, **kwargs)
        _refuse_to_quantize(layer, name)
        self.autocast = False  # the wrapped layer casts what it is given
        self.supports_masking = layer.supports_masking
        self.kernel_parameters = parameters

    def substitutes(
        self, training: bool, inputs: Tensor | None = None, mask: Tensor | None = None
    ) -> dict[Parameter, Tensor]:
        """Returns what to compute with; `training` only if the layer is trainable.

        Without `training` it neither needs the inputs nor changes anything.
        """
        raise NotImplementedError(f"{type(self).__name__} should implement `substitutes`.")

    def _kernels(self) -> dict[Parameter, Tensor]:
        """Returns the wrapped layer's own kernels in float32 or wider."""
        variables = {p: p.variable(self.layer) for p in self.kernel_parameters}
        return {p: ops.cast(v.value, wide(v.dtype)) for p, v in variables.items()}

    def _add_vector(
        self,
        name: str,
        parameter: Parameter,
        shape: tuple[int, ...],
        initializer: Initializer,
        **kwargs: Any,
    ) -> keras.Variable:
        """Adds a variable that belongs to one of the kernels; a layer may have several."""
        variable = parameter.variable(self.layer)
        prefix = variable.name.removesuffix(parameter.name.split("_")[-1])
        return self.add_weight(
            name=prefix + name,
            shape=shape,
            initializer=initializer,
            dtype=wide(variable.dtype),
            autocast=False,
            **kwargs,
        )

    def call(
        self,
        inputs: Tensor,
        training: bool | None = None,
        mask: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        training = bool(training) and self.trainable and self.layer.trainable
        layer = substitute(self.layer, self.substitutes(training, inputs, mask))
        accepted = self.layer.call_signature_parameters
        if "mask" in accepted and mask is not None:
            kwargs["mask"] = mask
        if "training" in accepted:
            kwargs["training"] = training
        return keras.tree.map_structure(self._cast_output, layer(inputs, **kwargs))

    def rematerialized_call(self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs once: the wrapped layer's activations are what takes memory, not its kernel."""
        return layer_call

    def _cast_output(self, y: Tensor) -> Tensor:
        return y if y.dtype == self.compute_dtype else ops.cast(y, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.layer.compute_output_shape(input_shape)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> Tensor | None:
        return self.layer.compute_mask(inputs, previous_mask)

    def remove(self) -> keras.layers.Layer:
        """Returns a new layer of the wrapped class that has the computed kernel for its own.

        It gives what this one gives at inference, and trains without the normalization.
        """
        if not self.built:
            raise ValueError(
                f"{self.name} should be built before `remove`, so that it has a kernel to fold: "
                "call it, or the model it is in, once."
            )
        plain = type(self.layer).from_config(self.layer.get_config())
        if not plain.built:
            plain.build(self.get_build_config()["input_shape"])
        plain.set_weights(self.layer.get_weights())
        for parameter, value in self.substitutes(training=False).items():
            parameter.variable(plain).assign(value)
        return plain

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        # Keras takes what it has read out of the dict, and out of those within
        return super().from_config(copy.deepcopy(config), custom_objects)


def _refuse_to_quantize(layer: keras.layers.Layer, wrapper: str) -> None:
    """Keeps the kernel that a wrapper computes with from becoming codes of 8 or 4 bits.

    `Model.quantize` does not ask the wrapper. It warns of a layer that raises this error, and goes
    on to the next, so no model is left half quantized. Of "float8" the kernel stays what it is.
    """
    if type(layer).quantize is keras.layers.Layer.quantize:
        return  # Keras refuses it
    original = layer.quantize

    def quantize(mode: str | None = None, config: Any = None, **kwargs: Any) -> None:
        mode = mode or getattr(config, "mode", None)
        if mode == "float8":
            original(mode=mode, config=config, **kwargs)
            return
        raise NotImplementedError(
            f"Layer {layer.name!r} cannot be quantized to {mode!r} and is unchanged: "
            f"{wrapper} computes with its kernel. To quantize it, replace the wrapper by the layer "
            "that its `remove()` returns."
        )

    vars(layer)["quantize"] = quantize


def wide(dtype: Any) -> str:
    """Returns float64 for float64 and float32 for any other dtype."""
    return "float64" if keras.backend.standardize_dtype(dtype) == "float64" else "float32"
