"""Resumes a job that was killed."""

import contextlib
import inspect
import tempfile
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._claims import parts_of, remove
from kerasnorm._types import StrPath
from kerasnorm.backend.engine import everyones, of_root
from kerasnorm.backups import (
    BackupError,
    check_fingerprint,
    describe,
    describe_callbacks,
    read_state,
    restore_callbacks,
    states_of_callbacks,
    versions,
    write_state,
)
from kerasnorm.distribute._cluster import read_cluster
from kerasnorm.distribute._variables import variables_of
from kerasnorm.models import begin_at, compile_arguments, global_seed

_KEPT = 2  # generations, lest a damaged one ends it all
_OF_FIT = (keras.callbacks.History, keras.callbacks.ProgbarLogger)


def resume_callbacks(directory: StrPath) -> list[keras.callbacks.Callback]:
    """Returns callbacks with which `fit` resumes after an interruption, as if it had not happened.

    After each epoch every worker writes weights, optimizer, random states and the state of the
    callbacks of Keras and this library to its own folder in `directory`, which the machines may
    share or not. Start all workers of the job again, and it resumes after the last epoch that one
    of them has saved, which is copied to the others. When `fit` ends, the backups are removed.

    Batches must depend only on the number of the epoch: on TensorFlow those of a `DistributedModel`
    from arrays, else those of `resample`, or unshuffled ones. The global seed must be the same, as
    set by `keras.utils.set_random_seed`; each epoch derives its own from it. Custom callbacks
    resume if they have `state_dict()` and `load_state_dict(state)`, and start anew otherwise.
    `History` has only the epochs since the restart.

    Args:
        directory: Folder of this job, created if missing.

    Returns:
        Callbacks for `fit`.

    Raises:
        ValueError: when `fit` begins, if the model is not built; if no backup that is there can be
            read; or if it is of another model, optimizer, loss, metrics, number of steps, versions,
            or, with a global seed, other weights to start from. Callbacks do not see the data.
        OSError: when `fit` begins, if nothing can be written to the folder; later, if a backup
            cannot be, as on a full disk; the last one stays.

    Example:

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> data = np.ones((8, 4)), np.ones((8, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     history = model.fit(*data, callbacks=resume_callbacks(folder), verbose=0)

    See also:
        `prepare`; `keras.callbacks.BackupAndRestore`, for one process.
    """
    return [_Backup(Path(directory))]


class _Backup(keras.callbacks.Callback):
    def __init__(self, directory: Path):
        super().__init__()
        cluster = read_cluster()
        self._folder = directory / f"worker-{0 if cluster is None else cluster.index}"
        self._others: list[keras.callbacks.Callback] = []

    def set_model(self, model):
        """Comes after all other callbacks, so that they have done what an epoch lets them do."""
        super().set_model(model)
        caller = inspect.currentframe().f_back.f_locals.get("self")
        if isinstance(caller, keras.callbacks.CallbackList):
            others = [each for each in caller.callbacks if each is not self]
            caller.callbacks = [*others, self]
            self._others = [each for each in others if not isinstance(each, _OF_FIT)]

    def on_train_begin(self, logs=None):
        if not self.model.built:
            raise ValueError(
                "A model that has no weights yet cannot be resumed. Build it before `fit`: begin "
                "with keras.Input, or call `model.build(input_shape)`."
            )
        self._fingerprint = self._describe()
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self._folder):  # before an epoch is spent in vain
            pass
        for path in self._paths():
            for left in parts_of(path):  # of a worker that was killed
                remove(left)
        found, damaged = None, []
        for path in self._paths():
            try:
                found = read_state(path)
                break
            except BackupError as error:
                damaged.append(str(error))
        if found is not None:
            self._check(path, found["fingerprint"])
        about = found or {"epoch": -1, "seed": np.random.randint(2**31)}
        strategy = getattr(self.model, "distribute_strategy", None)
        epochs = everyones(about["epoch"], strategy)
        root = int(epochs.argmax())  # the first of those that are furthest
        self._seed = int(everyones(about["seed"], strategy)[root])
        if epochs.max() < 0:
            if damaged:
                raise ValueError(f"No backup can be read: {' '.join(damaged)}")
            return
        if damaged:
            warnings.warn(
                f"Damaged backups are skipped: {' '.join(damaged)} Training resumes after "
                f"epoch {epochs.max()}.",
                stacklevel=2,
            )
        self._restore(about.get("values"), root, strategy)
        restore_callbacks(self._others, about.get("callbacks", {}))
        last = self.params["epochs"] if about.get("stopped") else int(epochs.max()) + 1
        begin_at(self.model, last)

    def _check(self, path: Path, began: dict[str, Any]) -> None:
        if began["weights"] != self._fingerprint["weights"]:
            raise ValueError(
                f"The backups in '{self._folder.parent}' are of another model. Choose another "
                "folder, or remove them to start anew."
            )
        check_fingerprint(path, began, self._fingerprint)

    def _describe(self) -> dict[str, Any]:
        """Returns what decides the result, as far as a callback sees it."""
        model = self.model
        arguments = compile_arguments(model)
        found = describe(getattr(model, "model", model))
        if global_seed() is None:  # new weights are others each time
            found.pop("weights", None)
        return {
            "model": found,
            "weights": [list(weight.shape) for weight in model.weights],
            "optimizer": describe(model.optimizer),
            "loss": describe(arguments.get("loss")),
            "metrics": describe(arguments.get("metrics")),
            "steps": self.params.get("steps"),
            "callbacks": describe_callbacks(self._others),
            "versions": versions(),
        }

    def _restore(self, values, root, strategy):
        """Gives all workers what one of them has."""
        if not self.model.optimizer.built:  # as in `fit` outside of any strategy
            self.model.optimizer.build(self.model.trainable_variables)
        variables = variables_of(self.model)
        shapes = [tuple(variable.shape) for variable in variables]
        fits = values is not None and [value.shape for value in values] == shapes
        if not everyones(fits, strategy)[root]:
            raise ValueError(
                f"The backups in '{self._folder.parent}' are of another model. Choose another "
                "folder, or remove them to start anew."
            )
        if not fits:  # another worker's do
            values = [np.zeros(shape) for shape in shapes]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(of_root(value, root, strategy))

    def on_epoch_begin(self, epoch, logs=None):
        # torch's dropout, for one, keeps its state nowhere else
        draw = np.random.default_rng((self._seed, epoch))
        keras.utils.set_random_seed(int(draw.integers(2**31)))

    def on_epoch_end(self, epoch, logs=None):
        path = self._folder / f"epoch-{epoch:06d}.npz"
        content = {
            "fingerprint": self._fingerprint,
            "epoch": epoch,
            "seed": self._seed,
            "stopped": bool(self.model.stop_training),
            "values": [np.asarray(each.numpy()) for each in variables_of(self.model)],
            "callbacks": states_of_callbacks(self._others),
        }
        try:
            write_state(path, content)
        except OSError as error:
            raise OSError(
                f"The backup of epoch {epoch} cannot be written to '{self._folder}': "
                f"{error.strerror or error}. Those before are whole: make room, and start the job "
                "again to resume."
            ) from error
        for old in self._paths()[_KEPT:]:
            old.unlink()

    def on_train_end(self, logs=None):
        begin_at(self.model, None)
        for path in self._paths():
            path.unlink()
        with contextlib.suppress(OSError):  # not empty, or never made
            self._folder.rmdir()
            self._folder.parent.rmdir()

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("epoch-*.npz"), reverse=True)
