"""One `fit` after another, each of which can be interrupted and resumed."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras

from kerasnorm.backend.engine import scope_of
from kerasnorm.backups import Backup, describe_callbacks
from kerasnorm.data import FollowEpochs, in_order
from kerasnorm.models import begin_at, fresh_metrics, leaves
from kerasnorm.transfer.fine_tuning._averaged_weights import AveragedWeights
from kerasnorm.transfer.fine_tuning._best_weights import BestWeights
from kerasnorm.transfer.fine_tuning._divergence import StopIfDiverged
from kerasnorm.transfer.fine_tuning._epoch_logs import BringHome, EpochLog, Logs
from kerasnorm.transfer.fine_tuning._keeping import Keeper, Progress
from kerasnorm.transfer.fine_tuning._optimizing import Optimizing


class Stages:
    """What is common to the stages of a training, and how far it has come.

    Args:
        whole: the model, of which a stage may train a part.
        compiling: arguments of `compile` without the optimizer.
        class_weight: as in `fine_tune`, as are all below.
        seed: of what dropout and augmentation do; None leaves them alone.
        backup: for what is needed to resume; None: none.
    """

    def __init__(
        self,
        whole: keras.Model,
        compiling: Mapping[str, Any],
        class_weight: Any,
        verbose: str | int,
        callbacks: Iterable[keras.callbacks.Callback],
        seed: int | None,
        backup: Backup | None,
        prepare: Callable[[keras.Model], keras.Model] | None,
    ) -> None:
        weigh = getattr(class_weight, "map", None)  # which Keras' own dict has not
        self.compiling = compiling
        self.backup = backup
        self._fitting = {"class_weight": None if weigh else class_weight, "verbose": verbose}
        self._weigh, self._seed, self._prepare = weigh, seed, prepare
        self._callbacks = tuple(callbacks)
        self._trained: keras.Model | None = None
        self._progress = Progress(whole, compiling["loss"], seed, backup)

    def resume(
        self,
        final: BestWeights | AveragedWeights | None,
        fingerprint: Callable[[], dict[str, Any]],
    ) -> None:
        """Brings the model to where it was before an interruption, if there was one.

        Args:
            final: chooses the weights at the end; None: those of the last epoch stay.
            fingerprint: returns all that decides the result; not called without a backup.

        Raises:
            ValueError: if the backup is damaged, or of a training that something else decides.
        """
        self._progress.final = final
        if self.backup is not None:
            callbacks = describe_callbacks(self._callbacks)
            self._progress.resume(self.backup.begin(**fingerprint(), callbacks=callbacks))

    def done(self, name: str) -> Logs | None:
        """Returns the logs of a stage, if that came to its end before the interruption."""
        return self._progress.done(name)

    def run(
        self,
        name: str,
        model: keras.Model,
        optimizing: Callable[[keras.Model], Optimizing],
        data: tuple[Any, Any],
        epochs: range,
    ) -> Logs:
        """Trains a model and returns the logs of each epoch.

        Args:
            name: of the stage.
            model: to train.
            optimizing: returns a new optimizer for what trains, and the callbacks that it needs.
            data: (train, validation), as `read_batches` returns them; validation may be None.
            epochs: their numbers, from 0 on in the first stage.
        """
        train, validation = data
        trained = model if self._prepare is None else self._prepare(model)
        with scope_of(trained):
            optimizer, own = optimizing(trained)
            compiling = self._compiling()
        rows, final = self._progress.begin(name, epochs), self._progress.final
        callbacks = [*own, *self._callbacks, EpochLog(rows, epochs.start, train, self._seed)]
        if final is not None:
            callbacks.insert(len(own), final)
        if trained is not model:
            callbacks.insert(0, BringHome(model))
        if hasattr(train, "epoch_counter"):
            callbacks.append(FollowEpochs(train))
        kept = [*own, *self._callbacks]
        callbacks += [StopIfDiverged(), Keeper(self._progress, kept)]
        batches = train.for_fit() if hasattr(train, "for_fit") else train
        if any(leaf.layer.compute_dtype == "float16" for leaf in leaves(trained)):
            trained.dtype_policy = keras.DTypePolicy("mixed_float16")  # so that the loss is scaled
        trained.compile(optimizer, **compiling)
        trained.fit(
            batches if self._weigh is None else self._weigh(batches),
            validation_data=validation,
            initial_epoch=epochs.start,
            epochs=epochs.stop,
            shuffle=False,
            callbacks=callbacks,
            **self._fitting,
        )
        self._trained = trained
        begin_at(trained, None)  # where a resumed `fit` began, for every later one too
        return rows

    def judge(self, name: str, model: keras.Model, data: tuple[Any, Any]) -> Logs:
        """Returns the logs of a stage of one epoch in which nothing trains."""
        judged, logs = self._to_judge(model), {}
        for prefix, examples in zip(("", "val_"), data, strict=True):
            if examples is not None:
                values = judged.evaluate(in_order(examples), verbose=0, return_dict=True)
                logs |= {prefix + key: float(value) for key, value in values.items()}
        return self._progress.begin(name, range(1), [logs])

    def held_out_loss(self, model: keras.Model, validation: Any) -> float:
        """Returns the loss of a model on validation examples."""
        judged = model if model is self._trained else self._to_judge(model)
        logs = judged.evaluate(in_order(validation), verbose=0, return_dict=True)
        return float(logs["loss"])

    def _to_judge(self, model: keras.Model) -> keras.Model:
        """Returns the model, or what `prepare` makes of it, compiled to be evaluated."""
        judged = model if self._prepare is None else self._prepare(model)
        with scope_of(judged):
            compiling = self._compiling()
        judged.compile(**compiling)
        return judged

    def end(self, name: str) -> None:
        """Notes that a stage in which nothing trained is over."""
        self._progress.write(name, 1, over=True)

    def _compiling(self) -> dict[str, Any]:
        """Returns the arguments of `compile` with metrics that have counted nothing."""
        key = "weighted_metrics" if "weighted_metrics" in self.compiling else "metrics"
        return {**self.compiling, key: fresh_metrics(self.compiling[key], self.compiling["loss"])}
