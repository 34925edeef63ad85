"""`resume_callbacks`: a job that was killed goes on where it was."""

import contextlib
import json
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._files import PART, whole
from kerasnorm._types import StrPath
from kerasnorm.backend.engine import everyones, of_root
from kerasnorm.distribute._cluster import read_cluster
from kerasnorm.distribute._variables import variables_of
from kerasnorm.models import begin_at

_KEPT = 2  # generations, lest a damaged one ends it all
_ABOUT = "about"
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def resume_callbacks(directory: StrPath) -> list[keras.callbacks.Callback]:
    """Lets `fit` go on after a break, with the weights that it would have had without.

    After each epoch every worker writes weights, optimizer and random states to its own folder in
    `directory`, which the machines may share or not. Start the same job again, all workers, and it
    goes on after the last epoch that one of them has: the others get what that one has. Where
    `fit` comes to its end, the backups are removed.

    It needs batches that the number of the epoch alone decides: on TensorFlow those of a
    `DistributedModel` from arrays, else those of `resample`, or unshuffled ones. And it needs the
    same global seed again, as by `keras.utils.set_random_seed`; each epoch sets its own by it and
    its number. Callbacks that remember, such as EarlyStopping, begin anew.

    Args:
        directory: folder of this job, made if it is not there.

    Returns:
        Callbacks for `fit`.

    Raises:
        ValueError: when `fit` begins, if no backup that is there can be read, or if it is of
            another model.
        OSError: if a backup cannot be written, as on a full disk; the last one stays.

    Example:

    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> data = np.ones((8, 4)), np.ones((8, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     history = model.fit(*data, callbacks=resume_callbacks(folder), verbose=0)
    """
    return [_Backup(Path(directory))]


class _Backup(keras.callbacks.Callback):
    def __init__(self, directory: Path):
        super().__init__()
        cluster = read_cluster()
        self._folder = directory / f"worker-{0 if cluster is None else cluster.index}"

    def on_train_begin(self, logs=None):
        for left in self._folder.glob(f"{PART}*"):  # of a worker that was killed
            left.unlink()
        found, damaged = None, []
        for path in self._paths():
            try:
                found = _read(path)
                break
            except _DAMAGE as error:
                damaged.append(f"'{path}' ({error})")
        about, values = found or ({"epoch": -1, "seed": np.random.randint(2**31)}, None)
        strategy = getattr(self.model, "distribute_strategy", None)
        epochs = everyones(about["epoch"], strategy)
        root = int(epochs.argmax())  # the first of those that are furthest
        self._seed = int(everyones(about["seed"], strategy)[root])
        if epochs.max() < 0:
            if damaged:
                raise ValueError(
                    f"No backup can be read: {', '.join(damaged)}. Bring one back, or remove them "
                    "to begin anew."
                )
            return
        if damaged:
            warnings.warn(
                f"Damaged backups are left out: {', '.join(damaged)}. Training goes on after "
                f"epoch {epochs.max()}.",
                stacklevel=2,
            )
        self._restore(values, root, strategy)
        begin_at(self.model, int(epochs.max()) + 1)

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
                "folder, or remove them to begin anew."
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
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with whole(path) as part:
                _write(part, {"epoch": epoch, "seed": self._seed}, variables_of(self.model))
        except OSError as error:
            raise OSError(
                f"The backup of epoch {epoch} cannot be written to '{self._folder}': "
                f"{error.strerror or error}. Those before are whole: mend it, and start the job "
                "again to go on."
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


def _write(path: Path, about: dict[str, Any], variables: list[keras.Variable]) -> None:
    arrays = {str(i): _plain(variable) for i, variable in enumerate(variables)}
    arrays[_ABOUT] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())


def _plain(variable: keras.Variable) -> np.ndarray:
    value = np.asarray(variable.numpy())
    return value if value.dtype.kind in "biuf" else value.astype("float32")  # bfloat16


def _read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    with path.open("rb") as opened, np.load(opened) as file:
        about = json.loads(bytes(file[_ABOUT]))
        return about, [file[str(i)] for i in range(len(file.files) - 1)]
