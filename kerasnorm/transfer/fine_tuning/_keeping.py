"""Keeps how far a training has come, for one that resumes it."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from kerasnorm.backups import Backup, restore_callbacks, states_of_callbacks
from kerasnorm.models import begin_at
from kerasnorm.transfer.fine_tuning._averaged_weights import AveragedWeights
from kerasnorm.transfer.fine_tuning._best_weights import BestWeights
from kerasnorm.transfer.fine_tuning._epoch_logs import Logs

State = dict[str, Any]


class Progress:
    """How far a training of several stages has come, and its backup.

    Args:
        whole: the model.
        loss: what it is trained by, which may count.
        seed: of the training.
        backup: file that `write` replaces; None: none.

    Attributes:
        final: chooses the weights at the end; None: those of the last epoch stay.
    """

    def __init__(
        self, whole: keras.Model, loss: Any, seed: int | None, backup: Backup | None
    ) -> None:
        self.final: BestWeights | AveragedWeights | None = None
        self.backup = backup
        self._counters = [v for v in getattr(loss, "__dict__", {}).values() if _counts(v)]
        self._whole, self._seed = whole, seed
        self._logs: dict[str, Logs] = {}
        self._state: State | None = None

    def resume(self, state: State | None) -> None:
        """Brings model, loss and kept weights to a state, if there is one."""
        if state is None:
            return
        self._state, self._logs = state, state["logs"]
        _assign(self._variables(), state["model"])
        if self.final is not None:
            self.final.load_state_dict(state["final"])

    def done(self, name: str) -> Logs | None:
        """Returns the logs of a stage that is over, or None."""
        if self._state is None or name not in self._logs:
            return None
        return self._logs[name] if self._state["stage"] != name or self._state["over"] else None

    def begin(self, name: str, epochs: range, rows: Logs | None = None) -> Logs:
        """Begins a stage, or goes on with it; returns the list that its logs are added to."""
        self.name, self.epochs = name, epochs
        return self._logs.setdefault(name, [] if rows is None else rows)

    def state(self) -> State | None:
        """Returns the state that the present stage is to be resumed from; None if it begins."""
        state = self._state
        return state if state is not None and state["stage"] == self.name else None

    def write(
        self, name: str, epoch: int, *, over: bool, stopped: bool = False, **more: Any
    ) -> None:
        """Replaces the backup.

        Args:
            name: the stage's.
            epoch: the next.
            over: whether the stage is.
            stopped: whether a callback has ended it early.
            **more: what the stage needs beside the model.
        """
        if self.backup is None:
            return
        state = {
            "stage": name,
            "epoch": epoch,
            "over": over,
            "stopped": stopped,
            "logs": self._logs,
            "model": _values(self._variables()),
            "final": None if self.final is None else self.final.state_dict(),
            **more,
        }
        self.backup.write(state, self._seed)

    def beside(self, model: keras.Model) -> list[keras.Variable]:
        """Returns the variables of what trains that are not of the whole model."""
        optimizer = model.optimizer
        own = {id(variable): variable for variable in (*model.variables, *optimizer.variables)}
        for variable in self._variables():
            own.pop(id(variable), None)
        return list(own.values())

    def _variables(self) -> list[keras.Variable]:
        counted = [variable for counter in self._counters for variable in counter.variables]
        return [*self._whole.variables, *counted]


class Keeper(keras.callbacks.Callback):
    """Replaces the backup after each epoch, and begins where the last one was written.

    It comes last, so that all other callbacks have done what an epoch lets them do.

    Args:
        progress: of the training.
        callbacks: those that remember.
    """

    def __init__(self, progress: Progress, callbacks: Iterable[keras.callbacks.Callback]) -> None:
        super().__init__()
        self._progress, self._callbacks = progress, list(callbacks)
        self._epoch = progress.epochs.start

    def on_train_begin(self, logs=None):
        state = self._progress.state()
        if state is None:
            return
        if not self.model.optimizer.built:  # as in `fit` outside of any strategy
            self.model.optimizer.build(self.model.trainable_variables)
        _assign(self._progress.beside(self.model), state["beside"])
        restore_callbacks(self._callbacks, state["callbacks"])
        self._epoch = state["epoch"]
        begin_at(self.model, self._progress.epochs.stop if state["stopped"] else self._epoch)

    def on_epoch_end(self, epoch, logs=None):
        self._epoch = epoch + 1
        self._write(over=False)

    def on_train_end(self, logs=None):
        self._write(over=True)

    def _write(self, over: bool) -> None:
        if self._progress.backup is None:
            return
        self._progress.write(
            self._progress.name,
            self._epoch,
            over=over,
            stopped=bool(self.model.stop_training),
            beside=_values(self._progress.beside(self.model)),
            callbacks=states_of_callbacks(self._callbacks),
        )


def _counts(value: Any) -> bool:
    return isinstance(value, keras.Metric)


def _values(variables: list[keras.Variable]) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
