"""Makes Keras' `fit` work on several replicas and machines."""

import contextlib
import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from kerasnorm._types import StrPath
from kerasnorm.distribute import _keras
from kerasnorm.distribute._equal_shares import check, naming_sizes, padded
from kerasnorm.distribute._in_scope import in_scope
from kerasnorm.distribute._strategy import is_chief, naming_the_lost


@keras.saving.register_keras_serializable(package="kerasnorm")
class DistributedModel(_keras.TrainerHooks, keras.Model):
    """Model whose `fit` is exact on several replicas, and works on several machines.

    Created in the scope of a `tf.distribute` strategy, it trains as one process would on the whole
    batches, however they are divided: a replica may have fewer examples than another, or none.
    (Keras' own models give every replica the same weight, and fail on several machines.) Metrics,
    the loss and everything that callbacks see are those of all replicas, on every worker; gradients
    are clipped, and checked for infinities, after they were summed. Otherwise it is like
    `keras.Model`.

    A loss that is a mean over unmasked or unignored positions is the mean over the whole batch. On
    TensorFlow the order of arrays depends only on Keras' global seed and the number of the epoch,
    so that all workers, and a resumed training, have the same batches.

    On several machines the same program runs on each. Only the chief writes the files of `save`,
    `save_weights` and `export`. The steps of `steps_per_execution` run one by one.

    Args:
        *args, **kwargs: `inputs`, `outputs` and `name`, as in `keras.Model`. `prepare` converts an
            existing model; or subclass it like keras.Model. With your own `train_step` you have to
            divide the loss yourself. Create a `LayerwiseLearningRate` of layers in the scope, too.

    Raises:
        ValueError: From `compile`, for `jit_compile=True` on several replicas.

    Example:

    >>> import numpy as np
    >>> from kerasnorm.distribute import current_strategy
    >>> with current_strategy().scope():
    ...     inputs = keras.Input((4,))
    ...     model = DistributedModel(inputs, keras.layers.Dense(2)(inputs))
    ...     model.compile("sgd", "mse")
    >>> history = model.fit(np.ones((8, 4)), np.ones((8, 2)), verbose=0)

    See also:
        `prepare`, which converts a model; `current_strategy`.

    References:
        Goyal et al., 2017, Accurate, large minibatch SGD (§3: the loss of a worker is to be divided
        by the size of the whole batch), https://arxiv.org/abs/1706.02677
    """

    def __new__(cls, *args: Any, **kwargs: Any):
        functional = cls is DistributedModel and (len(args) > 1 or "outputs" in kwargs)
        return super().__new__(DistributedFunctional if functional else cls)

    @property
    def _steps(self) -> Any:
        """Returns the module for replicas of tf.distribute; None without replicas."""
        strategy = getattr(self, "distribute_strategy", None)
        if getattr(strategy, "num_replicas_in_sync", 1) == 1:
            return None
        from kerasnorm.distribute import _steps

        return _steps

    def compile(self, *args: Any, **kwargs: Any) -> None:
        if self._steps is None:
            super().compile(*args, **kwargs)
            return
        if kwargs.get("jit_compile") is True:
            raise ValueError(
                "`jit_compile=True` cannot compile steps of several replicas. Leave it out."
            )
        args, kwargs = in_scope(self.distribute_strategy, (args, kwargs))
        with self.distribute_strategy.scope():
            super().compile(*args, **kwargs)
        _keras.check_optimizer(self.optimizer)
        _keras.sum_losses(self)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    @property
    def losses(self) -> list[Any]:
        steps = self._steps
        found = super().losses
        return steps.of_this_replica(found) if steps and steps.in_replica() else found

    def _clears_losses(self) -> bool:
        """Once for all replicas of a process."""
        steps = self._steps
        return not (steps and steps.in_replica()) or steps.begins()

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        steps = self._steps
        return loss + steps.additional_losses(self, x) if steps and steps.in_replica() else loss

    def train_step(self, *args: Any, **kwargs: Any) -> Any:
        steps = self._steps
        return steps.train_step(self, *args) if steps else super().train_step(*args, **kwargs)

    def test_step(self, *args: Any, **kwargs: Any) -> Any:
        steps = self._steps
        return steps.test_step(self, *args) if steps else super().test_step(*args, **kwargs)

    def make_train_function(self, force: bool = False) -> Any:
        if self._steps is None:
            return super().make_train_function(force)
        if self.train_function is None or force:
            self.train_function = self._steps.step_function(self, self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False) -> Any:
        if self._steps is None:
            return super().make_test_function(force)
        if self.test_function is None or force:
            self.test_function = self._steps.step_function(self, self.test_step)
        return self.test_function

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        given = inspect.signature(keras.Model.fit).bind(self, *args, **kwargs).arguments
        del given["self"]
        if hasattr(self, "distribute_strategy"):  # TensorFlow's trainer
            from kerasnorm.distribute._fitting import same_batches

            given = same_batches(self, given)
        batch_size = given.get("batch_size")
        check("x", given.get("x"), batch_size, given.get("validation_split"))
        batch_size = given.get("validation_batch_size") or batch_size
        check("validation_data", given.get("validation_data"), batch_size)
        with naming_the_lost(), self._explained():
            return super().fit(**given)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        check("x", x, args[0] if args else kwargs.get("batch_size"))
        with naming_the_lost(), self._explained():
            return super().evaluate(x, y, *args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(keras.Model.predict).bind(self, *args, **kwargs).arguments
        del given["self"]
        given["x"], count = padded(given["x"], given.get("batch_size"))
        with naming_the_lost(), self._explained():
            outputs = super().predict(**given)
        return keras.tree.map_structure(lambda rows: rows[:count], outputs)

    def _explained(self) -> contextlib.AbstractContextManager:
        if self._steps is None:
            return naming_sizes()
        from kerasnorm.distribute._fitting import explained

        return explained(self)

    def _builds_for(self, iterator: Any) -> bool:
        """Builds the model, where it is on replicas of tf.distribute."""
        if self._steps is None:
            return False
        _keras.build_for(self, iterator)
        return True

    def save(self, filepath: StrPath, *args: Any, **kwargs: Any) -> None:
        with _of_chief(filepath) as path:
            super().save(path, *args, **kwargs)

    def save_weights(self, filepath: StrPath, *args: Any, **kwargs: Any) -> None:
        with _of_chief(filepath) as path:
            super().save_weights(path, *args, **kwargs)

    def export(self, filepath: StrPath, *args: Any, **kwargs: Any) -> None:
        with _of_chief(filepath) as path:
            super().export(path, *args, **kwargs)


@contextlib.contextmanager
def _of_chief(path: StrPath) -> Iterator[StrPath]:
    """Yields the path, to others than the chief one to forget: all may be needed to save."""
    if is_chief():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / Path(path).name


@keras.saving.register_keras_serializable(package="kerasnorm")
class DistributedFunctional(DistributedModel, _keras.Functional):
    """What `DistributedModel(inputs, outputs)` makes."""
