"""Normalizes instances with γ and β from a second input, example by example."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasnorm import backend
from kerasnorm._types import Shape, Tensor
from kerasnorm._validation import as_int
from kerasnorm.normalization._normalization_layer import (
    NormalizationLayer,
    channel_and_positions,
    check_mask_fits,
    check_more_than_one,
)


class GuidedNormalization(NormalizationLayer):
    """Normalizes the first of two inputs over its positions.

    A subclass says in `_modulation` which γ and β the second input, the guide, stands for, and
    in `_check_guide` what it may be.
    """

    guide = "guide"

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = as_int("axis", axis)

    def _modulation(
        self, guide: Tensor, mask: Tensor | None, view: backend.View, dtype: str
    ) -> tuple[Tensor | None, Tensor | None]:
        """Returns γ and β that broadcast to the input, or None for either."""
        raise NotImplementedError(f"{type(self).__name__} should implement `_modulation`.")

    def _check_guide(self, shape: Shape, guide_shape: Shape) -> None:
        """Raises ValueError unless the second input's shape goes with the first's."""
        raise NotImplementedError(f"{type(self).__name__} should implement `_check_guide`.")

    def view(self, shape: Shape) -> backend.View:
        channel, positions = channel_and_positions(self.axis, shape)
        sizes = [shape[axis] for axis in positions]
        check_more_than_one(self, shape, sizes, "Give it maps of more than one position.")
        return backend.View(positions, channel, positions)

    def build(self, input_shape: Sequence[Shape]) -> None:
        shape, guide_shape = self._pair(input_shape)
        channel = self.view(shape).channel
        self._check_guide(shape, guide_shape)
        own = keras.layers.InputSpec(ndim=len(shape), axes={channel: shape[channel]})
        self.input_spec = [own, keras.layers.InputSpec(min_ndim=1)]

    def call(
        self,
        inputs: Sequence[Tensor],
        training: bool | None = None,
        mask: Sequence[Tensor | None] | None = None,
    ) -> Tensor:
        inputs, guide = self._pair(inputs)
        mask, guide_mask = self._pair_of_masks(mask)
        self._check_guide(tuple(inputs.shape), tuple(guide.shape))
        x, mask = self._masked(inputs, mask)
        view, dtype = self.view(x.shape), self._statistics_dtype(x)
        gamma, beta = self._modulation(guide, guide_mask, view, dtype)
        weights = None if mask is None else ops.cast(mask, dtype)
        y, _ = backend.normalize(x, gamma, beta, weights, view, self.epsilon, dtype, training)
        return self._finish(y, mask)

    def _pair(self, inputs: Any) -> Any:
        # A shape is a tuple too, but of numbers.
        if isinstance(inputs, (list, tuple)) and len(inputs) == 2 and not _is_number(inputs[0]):
            return inputs
        received = (
            f"{len(inputs)} of them" if isinstance(inputs, (list, tuple)) else type(inputs).__name__
        )
        raise ValueError(
            f"{type(self).__name__} takes a list of two inputs, [x, {self.guide}]. "
            f"Received: {received}."
        )

    def _pair_of_masks(self, mask: Any) -> Any:
        if mask is None:
            return None, None
        if isinstance(mask, (list, tuple)) and len(mask) == 2:
            return mask
        raise ValueError(
            f"`mask` should be None or a list of two, for x and the {self.guide}, each of which "
            f"may be None. Received: {type(mask).__name__}."
        )

    def compute_mask(
        self, inputs: Sequence[Tensor], previous_mask: Sequence[Tensor | None] | None
    ) -> Tensor | None:
        return self._pair_of_masks(previous_mask)[0]

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        shape, guide_shape = self._pair(input_shape)
        self._check_guide(tuple(shape), tuple(guide_shape))
        return super().compute_output_shape(shape)

    def compute_output_spec(
        self,
        inputs: Sequence[Tensor],
        training: bool | None = None,
        mask: Sequence[Tensor | None] | None = None,
    ) -> keras.KerasTensor:
        shape = self.compute_output_shape([part.shape for part in self._pair(inputs)])
        mask = self._pair_of_masks(mask)[0]
        if mask is not None:
            check_mask_fits(mask, shape, self._channel_axis(len(shape)))
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, int)
