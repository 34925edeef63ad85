"""The optimizers of the two phases of fine-tuning: one for the head, one at a smaller rate."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from kerasnorm._validation import as_int, as_number
from kerasnorm.backend.engine import resolve_jit
from kerasnorm.transfer._rule_of_thumb import Strategy
from kerasnorm.transfer.rates import GradualUnfreezing, LayerwiseLearningRate, layer_decay

Rate = float | keras.optimizers.schedules.LearningRateSchedule
Optimizing = tuple[keras.Optimizer, list[keras.callbacks.Callback]]
_RATE = 1e-3
BASE_SHARE = 0.1  # of the head's rate, for all layers


class Rates(NamedTuple):
    """The rate of the head alone, and of all layers."""

    head: Rate
    base: Rate


def rates_for(strategy: Strategy, head: Rate | None, base: Rate | None) -> Rates:
    """Returns the rates given, or those of the strategy's settings, or a tenth for the base.

    Raises:
        ValueError: if one is no positive number nor a schedule, or a tenth cannot be taken.
    """
    usual = strategy.settings.get("learning_rate")
    fine_tuning = strategy.name == "fine_tune"
    if head is None:
        head = _RATE if fine_tuning or usual is None else usual
    head = _checked("learning_rate", head)
    if strategy.name == "scratch":
        return Rates(head, head)
    if base is None and fine_tuning:
        base = usual
    if base is None:
        if not isinstance(head, float):
            raise ValueError(
                "`base_learning_rate` should be given where `learning_rate` is a schedule."
            )
        base = BASE_SHARE * head
    return Rates(head, _checked("base_learning_rate", base))


def _checked(name: str, rate: Rate) -> Rate:
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate
    return as_number(name, rate, 0, interval="()")


def optimizer_at(optimizer: str | keras.optimizers.Optimizer, rate: Rate) -> keras.Optimizer:
    """Returns a new optimizer with the settings of the one given, and a learning rate."""
    template = keras.optimizers.get(optimizer)
    return type(template).from_config({**template.get_config(), "learning_rate": rate})


def by_layer(
    model: keras.Model,
    optimizer: keras.Optimizer,
    decay: float | None,
    blocks: Sequence[str] | None,
    gradual: int | None,
    head_epochs: int,
) -> Optimizing:
    """Returns an optimizer with a rate for each layer, and the callback that frees them in turn.

    Args:
        model: whose layers they are.
        optimizer: one with the head's rate.
        decay, blocks: as in `layer_decay`; without `decay` the optimizer stays.
        gradual: epochs from one step of layers to the next; None: all train at once.
        head_epochs: those in which the head has trained alone before.

    Raises:
        ValueError: if they do not go together.
    """
    if decay is None:
        if gradual is not None or blocks is not None:
            raise ValueError(
                "`gradual` and `blocks` belong to `decay`, the factor of the rates from layer to "
                f"layer. Received: gradual={gradual!r}, blocks={blocks!r}, decay=None."
            )
        return optimizer, []
    rates = layer_decay(model, decay, blocks)
    callbacks = []
    if gradual is not None:
        start = head_epochs - as_int("gradual", gradual, low=1) if head_epochs else 0
        callbacks.append(GradualUnfreezing(rates, gradual, start))
    return LayerwiseLearningRate(optimizer, rates), callbacks


def compile_ready(model: keras.Model, optimizer: keras.Optimizer, **compiling: Any) -> None:
    """Compiles a model, its optimizer's variables made, so that a file of it loads whole."""
    jit_compile = resolve_jit(compiling.pop("jit_compile", "auto"))
    model.compile(optimizer, jit_compile=jit_compile, **compiling)
    optimizer.build(model.trainable_variables)
