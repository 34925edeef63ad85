"""`check_layer` finds what is wrong with a layer, and names the check."""

import keras
import numpy as np
import pytest
from keras import ops

from kerasnorm.testing import check_layer, check_names


class Scale(keras.layers.Layer):
    """A layer with nothing wrong: its factor times a weight, masked positions 0."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.autocast, self.supports_masking, self.factor = False, True, factor

    def build(self, input_shape):
        self.scale = self.add_weight(shape=input_shape[-1:], initializer="ones", name="scale")

    def call(self, inputs, mask=None):
        x = ops.cast(inputs, self.compute_dtype)
        if mask is not None:
            x = ops.where(ops.expand_dims(mask, -1), x, ops.zeros((), x.dtype))
        return x * self.factor * ops.cast(self.scale, x.dtype)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Renamed(Scale):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(factor + 1, **kwargs)


class Forgetful(Scale):
    def get_config(self):
        return keras.layers.Layer.get_config(self)


class Wrong(Scale):
    def call(self, inputs, mask=None):
        return super().call(inputs, mask) + 1e-3


class Detached(Scale):
    def call(self, inputs, mask=None):
        return ops.stop_gradient(super().call(inputs, mask))


class Counting(Scale):
    def call(self, inputs, mask=None):
        self.factor = self.factor + 1.0
        return super().call(inputs, mask)


class Truncating(Scale):
    def call(self, inputs, mask=None):
        return ops.cast(super().call(inputs, mask), "float32")


class Leaking(Scale):
    def call(self, inputs, mask=None):
        return super().call(inputs)


def check(layer_class, **options):
    expected = lambda x, mask=None: 3.0 * (x if mask is None else x * mask[..., None])  # noqa: E731
    arguments = {"factor": 3.0}
    check_layer(
        layer_class, (3, 4, 2), arguments=arguments, expected=expected, mask=True, **options
    )


@pytest.mark.parametrize("name", check_names(mask=True))
def test_a_good_layer_passes(name):
    check(Scale, only=[name])


@pytest.mark.parametrize(
    ("layer_class", "name"),
    [
        (Renamed, "arguments_are_attributes"),
        (Forgetful, "config_makes_the_same_layer"),
        (Forgetful, "saved_and_loaded"),
        (Counting, "config_stays"),
        (Wrong, "formula"),
        (Wrong, "sizes_may_vary"),
        (Wrong, "integers"),
        (Wrong, "compiled_by_xla"),
        (Detached, "gradient_by_differences"),
        (Counting, "inference_is_repeatable"),
        (Truncating, "dtypes"),
        (Leaking, "mask_keeps_values_out"),
        (Leaking, "mask_keeps_gradients_out"),
    ],
)
def test_a_fault_is_found_and_named(layer_class, name):
    with pytest.raises(AssertionError, match=f"^{name}: .*(should|Received)"):
        check(layer_class, only=[name])


def test_without_a_formula_the_layer_is_its_own():
    check_layer(Scale, (3, 2), skip=["saved_and_loaded"])
    with pytest.raises(AssertionError, match="gradient_by_differences: "):
        check_layer(Detached, np.array([3, 2]), only=["gradient_by_differences"])


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"names of checks: .*Received: 'formular'"):
        check_layer(Scale, (3, 2), only=["formular"])
    with pytest.raises(ValueError, match="at least 2 examples"):
        check_layer(Scale, (1, 2))
