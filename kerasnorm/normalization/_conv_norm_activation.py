from typing import Any

import keras

from kerasnorm._types import Activation, Shape, Tensor
from kerasnorm._validation import as_int, check_choice
from kerasnorm.normalization import _registry as registry
from kerasnorm.normalization._group_normalization import choose_groups

_CONVOLUTIONS = {3: "Conv1D", 4: "Conv2D", 5: "Conv3D"}
_POOLINGS = {"max": "MaxPooling", "average": "AveragePooling"}
_LAYER_ARGUMENTS = ("name", "dtype", "trainable", "autocast")


@keras.saving.register_keras_serializable(package="kerasnorm")
class ConvNormActivation(keras.layers.Layer):
    """Block of convolutional networks: convolution, normalization, activation, pooling.

        y = pool(activation(norm(W ∗ x)))

    The convolution has no bias where the normalization has one: β takes its place.

    Args:
        filters: An int above 0, the number of output channels.
        kernel_size: An int, or a tuple of an int per spatial axis.
        strides: An int or tuple, of the convolution. Defaults to 1.
        padding: "same", "valid", or "causal" for sequences; of the convolution. Defaults to "same".
        normalization: A name of `kerasnorm.normalization.names()`, a configuration, a layer
            (a template that is copied) or None. "group" takes the largest number of
            groups up to 32 that divides the filters; pass a layer for another number.
        activation: A name or function of `keras.activations`, or None.
        pool: "max", "average" or None.
        pool_size: An int or tuple: window and strides of the pooling. Defaults to 2.
        **conv_kwargs: Further arguments of the convolution (`use_bias`, `dilation_rate`,
            `groups`, `kernel_initializer`, `data_format`, …) and `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: Tensor of rank 3 (sequences), 4 (images) or 5 (volumes).
        training: Bool, passed on to the normalization.

    Input shape and output shape:
        `(N, …, C)` to `(N, …, filters)`, the sizes between divided by strides and pooling;
        channels first with `data_format="channels_first"`.

    Example:

    >>> block = ConvNormActivation(16, 3, normalization="group", pool="max")
    >>> block.compute_output_shape((None, 32, 32, 3))
    (None, 16, 16, 16)

    Raises:
        ValueError: For arguments that its layers refuse, and inputs of another rank.

    See also:
        `kerasnorm.normalization.get`, which creates the normalization by name;
        `kerasnorm.surgery.fold_batchnorm`.

    Reference:
        Ioffe and Szegedy, 2015, Batch normalization, https://arxiv.org/abs/1502.03167 (section 3.2)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: str = "same",
        normalization: str | dict[str, Any] | keras.layers.Layer | None = "batch",
        activation: Activation = "relu",
        pool: str | None = None,
        pool_size: int | tuple[int, ...] = 2,
        **conv_kwargs: Any,
    ) -> None:
        own = {name: conv_kwargs.pop(name) for name in _LAYER_ARGUMENTS if name in conv_kwargs}
        super().__init__(**own)
        self.filters = as_int("filters", filters)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        registry.get(normalization)  # refuses here what build could not make
        vars(self)["normalization"] = normalization  # a template is none of the block's layers
        self.activation = keras.activations.get(activation)
        self.pool = check_choice("pool", pool, [*_POOLINGS, None])
        self.pool_size = pool_size
        self.conv_kwargs = conv_kwargs
        self._stages: list[keras.layers.Layer] | None = None

    def build(self, input_shape: Shape) -> None:
        self._stages = self._create_stages(len(input_shape))
        for stage in self._stages:
            stage.build(input_shape)
            input_shape = stage.compute_output_shape(input_shape)
            stage.trainable = stage.trainable and self.trainable  # Keras hands it on when set only

    def _create_stages(self, rank: int) -> list[keras.layers.Layer]:
        if rank not in _CONVOLUTIONS:
            raise ValueError(
                "ConvNormActivation takes sequences (rank 3), images (rank 4) or volumes "
                f"(rank 5), batch axis included. Received: rank {rank}."
            )
        norm = self._create_normalization(rank)
        settings = {"use_bias": norm is None or not norm.center, **self.conv_kwargs}
        conv = getattr(keras.layers, _CONVOLUTIONS[rank])(
            self.filters,
            self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            dtype=self.dtype_policy,
            name="conv",
            **settings,
        )
        activation = keras.layers.Activation(
            self.activation, dtype=self.dtype_policy, name="activation"
        )
        stages = [conv, norm, activation, self._create_pooling(rank)]
        return [stage for stage in stages if stage is not None]

    def _create_normalization(self, rank: int) -> keras.layers.Layer | None:
        if self.normalization is None:
            return None
        if isinstance(self.normalization, keras.layers.Layer):
            return type(self.normalization).from_config(self.normalization.get_config())
        if isinstance(self.normalization, dict):
            return registry.get(self.normalization)
        settings = {"name": "normalization", "dtype": self.dtype_policy}
        if self.conv_kwargs.get("data_format") == "channels_first":
            settings["axis"] = 1
        if self.normalization == "group":
            settings["groups"] = choose_groups(self.filters)
        return registry.get(self.normalization, **settings)

    def _create_pooling(self, rank: int) -> keras.layers.Layer | None:
        if self.pool is None:
            return None
        return getattr(keras.layers, f"{_POOLINGS[self.pool]}{rank - 2}D")(
            self.pool_size,
            data_format=self.conv_kwargs.get("data_format"),
            dtype=self.dtype_policy,
            name="pool",
        )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = inputs
        for stage in self._stages:
            takes_training = "training" in stage.call_signature_parameters
            x = stage(x, training=training) if takes_training else stage(x)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        for stage in self._stages or self._create_stages(len(input_shape)):
            input_shape = stage.compute_output_shape(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        normalization = self.normalization
        if isinstance(normalization, keras.layers.Layer):
            normalization = keras.saving.serialize_keras_object(normalization)
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "normalization": normalization,
            "activation": keras.activations.serialize(self.activation),
            "pool": self.pool,
            "pool_size": self.pool_size,
            **keras.saving.serialize_keras_object(self.conv_kwargs),
        }
