"""Gathers the private parts of Keras that the distributed `fit` needs.

| private name | why |
|---|---|
| `Functional` | the class of what `DistributedModel(inputs, outputs)` makes |
| `_clear_losses`, `_maybe_symbolic_build`, `_symbolic_build` | what `fit` does between steps |
| `_distributed_dataset`, `_value_specs` | the shapes of the batches, before one is read |
| `_compile_loss`, `CompileLoss` and its attributes, `reduce_weighted_values` | sums, not means |
| `_loss_tracker` | what becomes "loss" in the logs |
| `_all_reduce_sum_gradients`, `inner_optimizer` | gradients that are summed already |

Made for Keras 3.12 to 3.15. `tests/distribute/test_keras_private.py` fails when these change.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops
from keras.src.losses.loss import reduce_weighted_values
from keras.src.models.functional import Functional
from keras.src.trainers.compile_utils import CompileLoss

from kerasnorm.backend import all_reduce_sum, get_keras_mask

__all__ = [
    "Functional",
    "TrainerHooks",
    "already_reduced",
    "build_for",
    "check_optimizer",
    "forward",
    "sum_losses",
    "track_loss",
]


class TrainerHooks:
    """Mixin of a model: what it does in the middle of Keras' `fit`.

    A subclass says whether the losses that layers added are to go (`_clears_losses`), and builds
    the model by the batches of an iterator, or returns False (`_builds_for`).
    """

    def _clear_losses(self) -> None:
        if self._clears_losses():
            super()._clear_losses()

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        if iterator is None or not self._builds_for(iterator):
            super()._maybe_symbolic_build(iterator=iterator, data_batch=data_batch)


class SummedLosses(CompileLoss):
    """The losses of `compile`, whose values on the replicas add up to that of the whole batch.

    Keras divides each replica's mean by the number of replicas, which is right only where all
    have as many examples, or as many that count.
    """

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Finds the losses, as Keras does, and puts the sums in their place."""
        super().build(y_true, y_pred)
        self._flat_losses = [
            each._replace(loss=_SummedLoss(each.loss)) for each in self._flat_losses
        ]


class _SummedLoss:
    def __init__(self, loss: keras.losses.Loss):
        self.loss, self.name = loss, loss.name

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if self._is_mean():
            return self._part(y_true, y_pred, sample_weight)
        return self.loss(y_true, y_pred, sample_weight)

    def _is_mean(self):
        own_way = type(self.loss).__call__ is not keras.losses.Loss.__call__
        return not own_way and self.loss.reduction not in ("sum", "none", None)

    def _part(self, y_true, y_pred, sample_weight):
        """Returns the sum of this replica's values over the number that counts on all of them."""
        loss = self.loss
        mask = get_keras_mask(y_pred)
        y_true, y_pred = (
            keras.tree.map_structure(lambda y: ops.convert_to_tensor(y, loss.dtype), each)
            for each in (y_true, y_pred)
        )
        values = loss.call(y_true, y_pred)
        masks = [each for each in (mask, get_keras_mask(values)) if each is not None]
        mask = ops.logical_and(*masks) if len(masks) == 2 else (masks or [None])[0]
        if len(values.shape) == 0:  # of a batch as a whole, such as Lovász'
            examples = ops.shape(keras.tree.flatten(y_true)[0])[:1]
            values = ops.broadcast_to(values, examples)
        weights = sample_weight if loss.reduction == "mean_with_sample_weight" else None

        def total(values, weights):  # summed again, for Keras leaves no values at all unsummed
            return ops.sum(reduce_weighted_values(values, weights, mask, "sum", loss.dtype))

        count = ops.stop_gradient(total(ops.ones_like(values), weights))
        return ops.divide_no_nan(total(values, sample_weight), all_reduce_sum(count))


def forward(model: keras.Model, x: Any, training: bool) -> Any:
    """Calls the model; one of a user's own need not take `training`."""
    takes_training = "training" in model.call_signature_parameters
    return model(x, training=training) if takes_training else model(x)


def track_loss(model: keras.Model, value: Any, examples: Any) -> None:
    """Notes the value in what becomes "loss" in the logs."""
    model._loss_tracker.update_state(value, sample_weight=examples)


def sum_losses(model: keras.Model) -> None:
    """Makes the losses that the model was compiled with add up over the replicas."""
    losses = model._compile_loss
    if losses is not None:
        model._compile_loss = SummedLosses(
            losses._user_loss, losses._user_loss_weights, output_names=losses.output_names
        )


def check_optimizer(optimizer: keras.optimizers.Optimizer) -> None:
    """Refuses what Keras' optimizers do under a condition, which replicas cannot wait in.

    Raises:
        ValueError: That says what to do instead.
    """
    inner = _innermost(optimizer)
    if inner.gradient_accumulation_steps or inner.ema_overwrite_frequency:
        raise ValueError(
            "On several replicas Keras' optimizers can neither accumulate gradients nor overwrite "
            f"the weights with their averages. Received: gradient_accumulation_steps="
            f"{inner.gradient_accumulation_steps}, ema_overwrite_frequency="
            f"{inner.ema_overwrite_frequency}. Use larger batches, and the callback "
            "keras.callbacks.SwapEMAWeights."
        )


def build_for(model: keras.Model, iterator: Any) -> None:
    """Builds what `fit` needs built, by the shapes of the batches, of which none is read."""
    spec = keras.tree.map_structure(_of_one_replica, iterator._distributed_dataset.element_spec)
    with model.distribute_strategy.scope():
        model._symbolic_build(data_batch=spec)


def _of_one_replica(spec: Any) -> Any:
    return getattr(spec, "_value_specs", [spec])[0]


@contextlib.contextmanager
def already_reduced(optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Keeps the optimizer from adding up gradients that are those of the whole batch.

    Keras' optimizers clip, and look for infinite gradients, before they add them up, so that each
    replica would decide alone. They cannot be given sums.
    """
    inner = _innermost(optimizer)
    inner._all_reduce_sum_gradients = list
    try:
        yield
    finally:
        inner.__dict__.pop("_all_reduce_sum_gradients", None)


def _innermost(optimizer: Any) -> Any:
    for name in ("inner_optimizer", "optimizer"):  # loss scaling's, and LayerwiseLearningRate's
        optimizer = getattr(optimizer, name, optimizer)
    return optimizer
