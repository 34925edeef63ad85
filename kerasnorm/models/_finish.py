"""Finishes a copied model after some of its layers were changed."""

import contextlib
import warnings
from collections.abc import Iterator

import keras

from kerasnorm.models import _keras
from kerasnorm.models._fresh_metrics import fresh_metrics
from kerasnorm.models._frozen import remember
from kerasnorm.models._leaves import Leaf


def finish(
    new: keras.Model, given: keras.Model, changed: list[Leaf], *, same_training: bool = True
) -> keras.Model:
    """Makes a copy whose layers have changed fit for files and `fit`, and returns it.

    Args:
        new: The copy.
        given: The model that it is a copy of, whose compile state it gets.
        changed: The layers of the copy that have become others.
        same_training: Whether the copy continues the training of the given model, with the state of
            its optimizer. Defaults to True.
    """
    holders = dict.fromkeys(node for leaf in changed for node in leaf.holders)
    remember(holders)
    for node in holders:
        _keras.after_change(node)  # on torch a module lists the parameters of all that is inside
    compile_like(new, given, same_training)
    return new


def compile_like(new: keras.Model, given: keras.Model, same_training: bool) -> None:
    """Compiles a model as another was: loss, weights, metrics, and an optimizer of its own.

    The optimizer's state (step count, learning rate, moments) goes along if the trainable
    variables of both models correspond one to one, in name and shape. Otherwise the optimizer
    starts anew, at the same learning rate, and a warning says so.
    """
    if not given.compiled:
        return
    if type(given).compile is not keras.Model.compile:
        _warn(
            f"Model '{given.name}' is compiled by a `compile` of its class "
            f"{type(given).__name__}, which cannot be repeated. Compile the new model."
        )
        return
    settings = _keras.compile_arguments(given)
    for name in ("metrics", "weighted_metrics"):
        settings[name] = fresh_metrics(settings.get(name), settings.get("loss"))
    old = given.optimizer
    if old is not None:
        settings["optimizer"] = type(old).from_config(old.get_config())
    new.compile(**settings)
    if same_training and old is not None and old.built and not _carry_state(old, new):
        _warn(
            f"The optimizer of the new model '{new.name}' starts anew: its trainable variables "
            "are not those that the given one's optimizer has moments of."
        )


@contextlib.contextmanager
def uncompiled(model: keras.Model) -> Iterator[None]:
    """Takes loss and optimizer from a model for a while, so that a file of it has neither."""
    compiled, optimizer = model.compiled, getattr(model, "optimizer", None)
    model.compiled, model.optimizer = False, None
    try:
        yield
    finally:
        model.compiled, model.optimizer = compiled, optimizer


def _carry_state(old: keras.optimizers.Optimizer, new: keras.Model) -> bool:
    def named(variables: list[keras.Variable]) -> list[tuple]:
        return [(variable.name, tuple(variable.shape)) for variable in variables]

    if named(_keras.optimized_by(old)) != named(new.trainable_variables):
        return False
    new.optimizer.build(new.trainable_variables)
    for variable, twin in zip(old.variables, new.optimizer.variables, strict=True):
        twin.assign(keras.ops.convert_to_numpy(variable))
    return True


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=5)  # the caller of the public function
