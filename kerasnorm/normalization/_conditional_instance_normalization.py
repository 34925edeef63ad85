from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasnorm import backend
from kerasnorm._types import Constraint, Initializer, Regularizer, Shape, Tensor
from kerasnorm._validation import as_int
from kerasnorm.normalization._guided_normalization import GuidedNormalization
from kerasnorm.normalization._normalization_layer import known_size


@keras.saving.register_keras_serializable(package="kerasnorm")
class ConditionalInstanceNormalization(GuidedNormalization):
    """Instance normalization with a γ and β for each of several styles (or classes, or domains).

    Use it for one network that renders many styles: everything else is shared, and a style is 2·C
    numbers. A second input selects the style of each example, or a mixture of styles.

        y = (x − E[x]) / √(Var[x] + ε) · γ[s] + β[s],  and for a mixture m of styles
        y = (x − E[x]) / √(Var[x] + ε) · Σ mₛ γ[s] + Σ mₛ β[s]

    Args:
        num_styles: An int above 0.
        axis: An int, the channel axis. `-1` for channels last, `1` for channels first.
            Defaults to -1.
        epsilon: A float above 0, added to the variance. Defaults to 0.001.
        center: Whether to add β. Defaults to True.
        scale: Whether to multiply by γ. Defaults to True.
        beta_initializer, gamma_initializer: Initializers of β and γ, both (num_styles, C).
        beta_regularizer, gamma_regularizer: Optional regularizers.
        beta_constraint, gamma_constraint: Optional constraints.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: List of two tensors: x, of rank 3 or more, integers being cast; and either ints
            (N,) from 0 up to num_styles − 1, or mixtures (N, num_styles), which usually sum to 1
            but need not.
        training: Bool, without effect.
        mask: Optional list of two, the second None: bools or numbers of x's shape without the
            channel axis. Positions where it is 0 count for no statistic and are 0 in the output.

    Input shape:
        `[(N, …, C), (N,) or (N, num_styles)]`, or `(N, C, …)` with `axis=1`.

    Output shape:
        That of x.

    Example:

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
    >>> layer = ConditionalInstanceNormalization(num_styles=10)
    >>> fourth_and_seventh = layer([x, np.array([4, 7])])
    >>> a_tenth_of_each = layer([x, np.full((2, 10), 0.1, "float32")])
    >>> tuple(layer.gamma.shape)
    (10, 3)

    Raises:
        ValueError: For anything but two such inputs, an index outside the styles, and what
            `InstanceNormalization` refuses. In a compiled function, where an index cannot be
            looked at, the output of such an example is NaN.

    See also:
        `AdaptiveInstanceNormalization`, for the style of any example; `InstanceNormalization`.

    Reference:
        Dumoulin, Shlens and Kudlur, 2017, A learned representation for artistic style,
        https://arxiv.org/abs/1610.07629
    """

    guide = "style index or mixture"

    def __init__(
        self,
        num_styles: int,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Initializer = "zeros",
        gamma_initializer: Initializer = "ones",
        beta_regularizer: Regularizer = None,
        gamma_regularizer: Regularizer = None,
        beta_constraint: Constraint = None,
        gamma_constraint: Constraint = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            axis,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        self.num_styles = as_int("num_styles", num_styles, 1)

    def build(self, input_shape: Sequence[Shape]) -> None:
        super().build(input_shape)
        shape = self._pair(input_shape)[0]
        styles = (self.num_styles, known_size(shape, self.view(shape).channel))
        if self.scale:
            self.gamma = self._add_parameter("gamma", styles, (0, 1))
        if self.center:
            self.beta = self._add_parameter("beta", styles, (0, 1))

    def _modulation(
        self, guide: Tensor, mask: Tensor | None, view: backend.View, dtype: str
    ) -> tuple[Tensor | None, Tensor | None]:
        chosen = self._choose if len(guide.shape) == 1 else self._mix
        return tuple(
            None
            if table is None
            else ops.expand_dims(chosen(ops.cast(table, dtype), guide), view.broadcast)
            for table in (self.gamma, self.beta)
        )

    def _mix(self, table: Tensor, mixture: Tensor) -> Tensor:
        return ops.matmul(ops.cast(mixture, table.dtype), table)

    def _choose(self, table: Tensor, index: Tensor) -> Tensor:
        if keras.backend.is_float_dtype(index.dtype):
            raise ValueError(
                "A style index of shape (N,) should be ints. "
                f"Received: dtype={keras.backend.standardize_dtype(index.dtype)}. "
                f"Cast it, or give a mixture of shape (N, {self.num_styles})."
            )
        self._check_known(index)
        if keras.backend.standardize_dtype(index.dtype) != "int64":
            index = ops.cast(index, "int32")  # frameworks do not look up by all kinds of ints
        inside = ops.logical_and(index >= 0, index < self.num_styles)
        rows = ops.take(table, ops.where(inside, index, ops.zeros_like(index)), axis=0)
        return ops.where(ops.expand_dims(inside, 1), rows, float("nan"))

    def _check_known(self, index: Tensor) -> None:
        """Raises for an index outside the styles, unless a compiler hides the values."""
        try:
            values = ops.convert_to_numpy(index)
        except (TypeError, NotImplementedError):
            return
        outside = values[(values < 0) | (values >= self.num_styles)]
        if outside.size:
            raise ValueError(
                f"A style index should be in [0, {self.num_styles - 1}], as "
                f"num_styles={self.num_styles}. Received: {outside[:5].tolist()}."
            )

    def _check_guide(self, shape: Shape, guide_shape: Shape) -> None:
        sizes = [shape[0]] if len(guide_shape) == 1 else [shape[0], self.num_styles]
        fits = len(guide_shape) == len(sizes) and all(
            None in pair or pair[0] == pair[1] for pair in zip(guide_shape, sizes, strict=True)
        )
        if not fits:
            raise ValueError(
                "The second input should be style indices (N,) or mixtures "
                f"(N, {self.num_styles}), with N the examples of the first. Received: shapes "
                f"{tuple(shape)} and {tuple(guide_shape)}."
            )

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_styles": self.num_styles}
