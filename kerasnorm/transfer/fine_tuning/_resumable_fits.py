"""One `fit` after another, each of which can be broken off and taken up again."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import keras

from kerasnorm._files import PART, whole, write_json
from kerasnorm._types import StrPath
from kerasnorm._validation import differences
from kerasnorm.backend.engine import scope_of
from kerasnorm.data import in_order
from kerasnorm.models import begin_at
from kerasnorm.transfer.fine_tuning._best_weights import BEST
from kerasnorm.transfer.fine_tuning._epoch_logs import BringHome, EpochLog, Logs
from kerasnorm.transfer.fine_tuning._optimizing import Optimizing

FEATURES = "features-"  # begins the names of folders of features, which a break may leave behind
_PLAN = "plan.json"


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

    @classmethod
    def of(
        cls,
        compiling: Mapping[str, Any],
        class_weight: Any,
        verbose: str | int,
        callbacks: Iterable[keras.callbacks.Callback],
        seed: int | None,
        backup_dir: StrPath | None,
        plan: Mapping[str, Any],
        prepare: Callable[[keras.Model], keras.Model] | None,
    ) -> "Stages":
        """Returns the stages of a training with the arguments of `fine_tune`.

        Raises:
            ValueError: if the folder holds a training of another plan.
        """
        weigh = getattr(class_weight, "map", None)  # which Keras' own dict has not
        return cls(
            compiling=compiling,
            fitting={"class_weight": None if weigh else class_weight, "verbose": verbose},
            weigh=weigh,
            callbacks=tuple(callbacks),
            seed=seed,
            backup_dir=None if backup_dir is None else Path(backup_dir),
            plan=plan,
            prepare=prepare,
        )

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
        log = EpochLog(self._file(name, ".json"), epochs.start, train, self.seed)
        backup, weights = self._file(name, ""), self._file(name, ".weights.h5")
        trained = model if self.prepare is None else self.prepare(model)
        with scope_of(trained):
            optimizer, own = optimizing(trained)
        callbacks = [*own, *callbacks, *self.callbacks, log]
        if trained is not model:
            callbacks.insert(0, BringHome(model))
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
            with whole(weights) as part:
                model.save_weights(part)
            shutil.rmtree(backup)
        return log.rows

    def judge(self, name: str, model: keras.Model, data: tuple[Any, Any]) -> Logs:
        """Returns the logs of a stage of one epoch in which nothing trains."""
        model.compile(**self.compiling)
        logs = {}
        for prefix, examples in zip(("", "val_"), data, strict=True):
            if examples is not None:
                values = model.evaluate(in_order(examples), verbose=0, return_dict=True)
                logs |= {prefix + key: float(value) for key, value in values.items()}
        log, weights = self._file(name, ".json"), self._file(name, ".weights.h5")
        if weights is not None:
            write_json(log, [logs])
            with whole(weights) as part:
                model.save_weights(part)
        return [logs]

    def finish(self) -> None:
        """Removes what was kept to go on."""
        if self.backup_dir is not None:
            for pattern in ("*_stage.*", f"{BEST}.*", f"{PART}*"):
                for path in self.backup_dir.glob(pattern):
                    path.unlink()
            for folder in self.backup_dir.glob(f"{FEATURES}*"):
                shutil.rmtree(folder)
            (self.backup_dir / _PLAN).unlink()
            if not any(self.backup_dir.iterdir()):
                self.backup_dir.rmdir()

    def _file(self, name: str, suffix: str) -> Path | None:
        return None if self.backup_dir is None else self.backup_dir / f"{name}_stage{suffix}"
