"""What `fine_tune` is asked for, and what follows from it: network, plan, rates, fingerprint."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import keras

from kerasnorm.backend.engine import resolve_jit
from kerasnorm.backups import describe, describe_data, versions
from kerasnorm.data import label_shape
from kerasnorm.transfer._region import Boundary
from kerasnorm.transfer._rule_of_thumb import Strategy
from kerasnorm.transfer.fine_tuning._averaged_weights import AveragedWeights
from kerasnorm.transfer.fine_tuning._best_weights import BestWeights
from kerasnorm.transfer.fine_tuning._optimizing import Optimizing, Rates, by_layer, optimizer_at
from kerasnorm.transfer.fine_tuning._solved_head import can_be_solved
from kerasnorm.transfer.fine_tuning._strategies import epochs_of, model_for, starts_from_a_head
from kerasnorm.transfer.fine_tuning._targets import loss_for, metrics_for

_HEAD_EPOCHS = 5  # where no solver reaches the head


class Plan(NamedTuple):
    """How a training goes.

    Attributes:
        solved: whether the head is solved, which is one epoch.
        head: the epochs of the head alone.
        all: the epochs of all layers.
        frozen: what stays frozen in these.
    """

    solved: bool
    head: range
    all: range
    frozen: Boundary


@dataclass(frozen=True)
class Asked:
    """Arguments of `fine_tune`, checked, that decide its result beside the examples."""

    model: keras.Model
    strategy: Strategy
    classes: int | None
    head_epochs: int | None
    epochs: int
    rates: Rates
    decay: float | None
    blocks: Sequence[str] | None
    gradual: int | None
    until: Boundary | None
    batchnorm: str
    optimizer: str | keras.optimizers.Optimizer
    loss: Any
    metrics: Sequence[Any]
    class_weight: Mapping[int, float] | None
    monitor: str | None
    augmentation: keras.Layer | None
    batch_size: int
    prepare: Callable[[keras.Model], keras.Model] | None

    def network(self, data: tuple[Any, Any]) -> tuple[keras.Model, tuple[int, ...]]:
        """Returns the copy to train, and the shape of the labels; () if it is not needed."""
        known = self.loss and self.classes is None and self.augmentation is None
        shape = () if known else label_shape(data[0])
        return model_for(self.strategy.name, self.model, self.classes, len(shape) > 2), shape

    def plan(self, new: keras.Model) -> Plan:
        """Returns how the network is trained."""
        name, alone = self.strategy.name, self.head_epochs
        solved = alone is None and starts_from_a_head(name) and can_be_solved(new, self.loss)
        head, rest = epochs_of(name, _HEAD_EPOCHS if alone is None else alone, self.epochs, solved)
        frozen = self.strategy.settings.get("frozen", 0) if self.until is None else self.until
        return Plan(solved, range(head), range(head, head + rest), frozen)

    def rates_of(self, trained: keras.Model, plan: Plan) -> Optimizing:
        """Returns the optimizer of all layers, and the callbacks that it needs."""
        optimizer = optimizer_at(self.optimizer, self.rates.base)
        steps = self.decay, self.blocks, self.gradual
        return by_layer(trained, optimizer, *steps, len(plan.head))

    def compiling(
        self, new: keras.Model, shape: tuple[int, ...], jit_compile: bool | str
    ) -> dict[str, Any]:
        """Returns the arguments of `compile` without the optimizer."""
        return {
            "loss": self.loss or loss_for(new, shape),
            "metrics": list(self.metrics) if self.loss else metrics_for(self.metrics, new),
            "jit_compile": resolve_jit(jit_compile),
        }

    def final_weights(self, new: keras.Model, plan: Plan) -> BestWeights | AveragedWeights | None:
        """Returns what chooses the weights at the end; None where those of the last epoch stay."""
        if self.monitor == "auto":
            return AveragedWeights(new) if plan.solved and plan.all else None
        return None if self.monitor is None else BestWeights(new, self.monitor)

    def fingerprint(
        self, data: tuple[Any, Any], plan: Plan, compiling: Mapping[str, Any], seed: int | None
    ) -> dict[str, Any]:
        """Returns all that decides what a training ends with, as JSON has it."""
        deciding = {field.name: getattr(self, field.name) for field in fields(self)}
        del deciding["head_epochs"], deciding["rates"]
        deciding |= {
            "epochs": [len(plan.head), len(plan.all)],
            "solved": plan.solved,
            "optimizer": optimizer_at(self.optimizer, 1.0),
            "learning_rate": self.rates.head,
            "base_learning_rate": self.rates.base,
            "until": plan.frozen,
            "loss": compiling["loss"],
            "metrics": compiling["metrics"],
            "seed": seed,
        }
        train, validation = map(describe_data, data)
        found = {name: describe(value) for name, value in deciding.items()}
        return {**found, "train": train, "validation": validation, "versions": versions()}
