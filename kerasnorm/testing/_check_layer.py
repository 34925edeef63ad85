"""Runs the table of checks on a layer."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from kerasnorm.testing import _construction, _gradients, _masks, _values
from kerasnorm.testing._subject import Subject

_CHECKS: dict[str, Callable[[Subject], None]] = {
    check.__name__: check
    for check in (
        _construction.arguments_are_attributes,
        _construction.config_makes_the_same_layer,
        _construction.config_stays,
        _construction.output_shape,
        _construction.saved_and_loaded,
        _values.formula,
        _values.inference_is_repeatable,
        _values.sizes_may_vary,
        _values.integers,
        _values.dtypes,
        _values.empty_batch,
        _values.compiled_by_xla,
        _gradients.gradient_by_differences,
        _gradients.training_step,
    )
}
_OF_MASKS: dict[str, Callable[[Subject], None]] = {
    check.__name__: check
    for check in (
        _masks.mask_keeps_values_out,
        _masks.mask_travels_on,
        _gradients.mask_keeps_gradients_out,
    )
}
# float16 has 11 bits and bfloat16 has 8
_POLICIES = {"float32": 1e-5, "mixed_float16": 4e-3, "mixed_bfloat16": 4e-2, "float64": 1e-5}


def check_layer(
    make: Callable[..., keras.layers.Layer],
    input_shape: Iterable[int],
    *,
    arguments: dict[str, Any] | None = None,
    expected: Callable[..., Any] | None = None,
    mask: bool = False,
    values: Callable[[tuple[int, ...]], Any] | None = None,
    dynamic_axes: Iterable[int] = (0,),
    policies: dict[str, float] | None = None,
    training: bool = True,
    tolerance: float = 1e-5,
    only: Iterable[str] | None = None,
    skip: Iterable[str] = (),
) -> None:
    """Checks a Keras layer of one input as kerasnorm's own layers are checked.

    Use it in the tests of a layer that you write: it makes many new layers and looks whether
    their arguments are their attributes, whether configuration and file give the same layer,
    whether sizes may vary, integers are cast, dtype policies are kept, an empty batch is harmless,
    XLA computes the same, and whether the gradient is the slope of the output. `check_names` lists
    the checks. Layers without weights and layers of any rank are welcome.

    Args:
        make: The layer's class, or a function of keyword arguments that returns a new layer. It
            should pass on `name` and `dtype`.
        input_shape: Shape of the input, the batch included, with at least 2 examples.
        arguments: Arguments of `make`. Defaults to no arguments.
        expected: Function from an array to what a new layer should return for it, computed in
            float64 without the layer, e.g. in NumPy. With `mask=True` it is also called with the
            keyword `mask`, an array of bools. Defaults to None: outputs are compared with those of
            the layer itself in float32, so that `expected` alone can find a wrong formula.
        mask: Whether the layer should leave masked positions out, of all but the last axis.
            Defaults to False, which checks nothing of masks.
        values: Function from a shape to an input. Defaults to a standard normal sample.
        dynamic_axes: Axes of the input whose sizes may vary. Defaults to the batch axis.
        policies: Tolerance for each dtype policy, by its name. Defaults to 1e-5 for "float32" and
            "float64", 4e-3 for "mixed_float16" and 4e-2 for "mixed_bfloat16".
        training: Value of the call's `training`. Defaults to True; pass False for layers that
            draw random numbers.
        tolerance: Largest absolute difference of outputs. Defaults to 1e-5.
        only: Names of the checks to run. Defaults to all that apply.
        skip: Names of checks to leave out. Defaults to none.

    Raises:
        AssertionError: If a check fails. The message names the check, what was expected and what
            came.
        ValueError: For a name that is no check, or an input of fewer than 2 examples.

    See also:
        `check_names`, for one test a check.

    >>> class Scale(keras.layers.Layer):
    ...     def __init__(self, factor=2.0, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.factor = factor
    ...
    ...     def call(self, inputs):
    ...         return keras.ops.cast(inputs, self.compute_dtype) * self.factor
    ...
    ...     def get_config(self):
    ...         return {**super().get_config(), "factor": self.factor}
    >>> check_layer(Scale, (4, 3), arguments={"factor": 3.0}, expected=lambda x: 3.0 * x)

    A layer that forgets to save its argument is found:

    >>> class Forgetful(Scale):
    ...     def get_config(self):
    ...         return keras.layers.Layer.get_config(self)
    >>> check_layer(Forgetful, (4, 3), arguments={"factor": 3.0})
    Traceback (most recent call last):
        ...
    AssertionError: config_makes_the_same_layer: The attribute `factor` of a layer made from its
    configuration should be 3.0. Received: 2.0.
    """
    subject = Subject(
        make=make,
        input_shape=tuple(int(size) for size in input_shape),
        arguments=dict(arguments or {}),
        expected=expected,
        mask=bool(mask),
        values=values or _standard_normal,
        dynamic_axes=tuple(dynamic_axes),
        policies=dict(_POLICIES if policies is None else policies),
        training=bool(training),
        tolerance=float(tolerance),
    )
    if len(subject.input_shape) < 2 or subject.input_shape[0] < 2:
        raise ValueError(
            "`input_shape` should have a batch of at least 2 examples and another axis. "
            f"Received: input_shape={subject.input_shape}."
        )
    for name in _chosen(subject.mask, only, skip):
        try:
            {**_CHECKS, **_OF_MASKS}[name](subject)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def check_names(mask: bool = False) -> list[str]:
    """Returns the names of the checks of `check_layer`, in the order in which they run.

    Use it to make one test of each, so that a report names the layer and the check.

    Args:
        mask: Whether to name the checks of masks, too. Defaults to False.

    See also:
        `check_layer`, which runs them.

    >>> "gradient_by_differences" in check_names()
    True
    >>> [name for name in check_names(mask=True) if name not in check_names()]
    ['mask_keeps_values_out', 'mask_travels_on', 'mask_keeps_gradients_out']
    """
    return [*_CHECKS, *(_OF_MASKS if mask else ())]


def _chosen(mask, only, skip):
    """Returns the names of the checks to run, or raises ValueError."""
    names, skip = check_names(mask), list(skip)
    only = names if only is None else list(only)
    unknown = [name for name in (*only, *skip) if name not in check_names(mask=True)]
    if unknown:
        raise ValueError(
            f"`only` and `skip` should be names of checks: {', '.join(check_names(mask=True))}. "
            f"Received: {', '.join(map(repr, unknown))}."
        )
    return [name for name in names if name in only and name not in skip]


def _standard_normal(shape):
    return np.random.default_rng(0).normal(size=shape)
