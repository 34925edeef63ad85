"""One `fit` after another, each of which can be broken off and taken up again."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._files import differences, write_json
from kerasnorm.backend.engine import scope_of
from kerasnorm.models import begin_at, every_layer
from kerasnorm.transfer.fine_tuning._augmenting import generators
from kerasnorm.transfer.fine_tuning._best_weights import BEST
from kerasnorm.transfer.fine_tuning._optimizing import Optimizing

FEATURES = "features-"  # begins the names of folders of features, which a break may leave behind
_PLAN = "plan.json"
Logs = list[dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Stages:
    """What is common to the stages of a training.

    Attributes:
        compiling: arguments of `compile` but for the optimizer.
        fitting: arguments of `fit` but for the data and the epochs.
        weigh: makes batches (x, y, weights) of those of (x, y) that train; None leaves them.
        callbacks: further callbacks.
        seed: of what dropout and augmentation do; None leaves them alone.
        backup_dir: folder for what is needed to go on after a break; None: none.
        plan: what has to be the same when it goes on, as JSON has it.
        prepare: makes what trains of a model, such as a copy on several replicas; None: itself.

    Raises:
        ValueError: if the folder holds a training of another plan.
    """

    compiling: Mapping[str, Any]
    fitting: Mapping[str, Any]
    weigh: Callable[[Any], Any] | None
    callbacks: Iterable[keras.callbacks.Callback]
    seed: int | None
    backup_dir: Path | None
    plan: Mapping[str, Any]
    prepare: Callable[[keras.Model], keras.Model] | None = None

    def __post_init__(self) -> None:
        if self.backup_dir is None:
            return
        path = self.backup_dir / _PLAN
        if not path.exists():
            self.backup_dir.mkdir(parents=True, exist_ok=True)
            write_json(path, self.plan)
            return
        began, plan = json.loads(path.read_text()), json.loads(json.dumps(self.plan))
        if differing := differences(began, plan):
            before, now = differing
            raise ValueError(
                f"`backup_dir` '{self.backup_dir}' holds a training that began with {before}. "
                f"Received: {now}. Go on with the same arguments, or remove the folder."
            )

    def done(self, name: str, model: keras.Model) -> Logs | None:
        """Brings a model to where it was after a stage, if that came to its end before."""
        weights, log = self._file(name, ".weights.h5"), self._file(name, ".json")
        if weights is None or not weights.exists():
            return None
        model.load_weights(weights)
        return json.loads(log.read_text())

    def run(
        self,
        name: str,
        model: keras.Model,
        optimizing: Callable[[keras.Model], Optimizing],
        data: tuple[Any, Any],
        epochs: range,
        callbacks: Iterable[keras.callbacks.Callback] = (),
    ) -> Logs:
        """Trains a model and returns the logs of each epoch.

        Args:
            name: of the stage, and of its files.
            model: to train.
            optimizing: returns a new optimizer for what trains, and the callbacks that it needs.
            data: (train, validation), as `read_batches` returns them; validation may be None.
            epochs: their numbers, from 0 on in the first stage.
            callbacks: those of this stage alone.
        """
        train, validation = data
        log = _Log(self._file(name, ".json"), epochs.start, train, self.seed)
        backup, weights = self._file(name, ""), self._file(name, ".weights.h5")
        trained = model if self.prepare is None else self.prepare(model)
        with scope_of(trained):
            optimizer, own = optimizing(trained)
        callbacks = [*own, *callbacks, *self.callbacks, log]
        if trained is not model:
            callbacks.insert(0, _BringHome(model))
        if backup is not None:  # once more, lest a break while it is written ends it all
            callbacks.append(
                keras.callbacks.BackupAndRestore(
                    backup, double_checkpoint=True, delete_checkpoint=False
                )
            )
        batches = train.for_fit() if hasattr(train, "for_fit") else train
        trained.compile(optimizer, **self.compiling)
        trained.fit(
            batches if self.weigh is None else self.weigh(batches),
            validation_data=validation,
            initial_epoch=epochs.start,
            epochs=epochs.stop,
            shuffle=False,
            callbacks=callbacks,
            **self.fitting,
        )
        begin_at(trained, None)  # where BackupAndRestore went on, for every later `fit` too
        if weights is not None:
            part = weights.with_name(f"part.{weights.name}")
            model.save_weights(part)
            os.replace(part, weights)
            shutil.rmtree(backup)
        return log.rows

    def finish(self) -> None:
        """Removes what was kept to go on."""
        if self.backup_dir is not None:
            for pattern in ("*_stage.*", f"{BEST}.*"):
                for path in self.backup_dir.glob(pattern):
                    path.unlink()
            for folder in self.backup_dir.glob(f"{FEATURES}*"):
                shutil.rmtree(folder)
            (self.backup_dir / _PLAN).unlink()
            if not any(self.backup_dir.iterdir()):
                self.backup_dir.rmdir()

    def _file(self, name: str, suffix: str) -> Path | None:
        return None if self.backup_dir is None else self.backup_dir / f"{name}_stage{suffix}"


def by_name(logs: Logs) -> dict[str, list[float]]:
    """Returns the values of all epochs by name, as `History.history` has them."""
    names = dict.fromkeys(name for row in logs for name in row)
    return {name: [row[name] for row in logs if name in row] for name in names}


class _BringHome(keras.callbacks.Callback):
    """Gives a model the weights of its copy that trains, before others look at them."""

    def __init__(self, home: keras.Model):
        super().__init__()
        self._home = home

    def on_epoch_end(self, epoch, logs=None):
        self._home.set_weights(self.model.get_weights())

    def on_train_end(self, logs=None):  # a backup may be of the last epoch
        self._home.set_weights(self.model.get_weights())


class _Log(keras.callbacks.Callback):
    """Notes the logs of each epoch, before its backup, and lets its number decide what is drawn.

    Files of weights do not hold how far generators of random numbers are.
    """

    def __init__(self, path: Path | None, first: int, batches: Any, seed: int | None):
        super().__init__()
        self._path, self._first, self._batches, self._seed = path, first, batches, seed
        kept = path is not None and path.exists()
        self.rows: Logs = json.loads(path.read_text()) if kept else []

    def on_epoch_begin(self, epoch, logs=None):
        if hasattr(self._batches, "set_epoch"):
            self._batches.set_epoch(epoch)
        if self._seed is not None:
            draw = np.random.default_rng((self._seed, epoch))
            keras.utils.set_random_seed(int(draw.integers(2**31)))  # torch's dropout asks no other
            # from the head down, the same whether what is below is part of the model or not
            for leaf in reversed(every_layer(self.model)):
                for generator in generators(leaf.layer):
                    state = generator.state
                    state.assign(draw.integers(2**31, size=state.shape).astype(state.dtype))

    def on_epoch_end(self, epoch, logs=None):
        self.rows[epoch - self._first :] = [
            {name: float(value) for name, value in (logs or {}).items()}
        ]
        if self._path is not None:
            write_json(self._path, self.rows)
