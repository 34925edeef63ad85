"""`fine_tune`: the head first, then the base at a smaller rate."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from kerasnorm._types import StrPath
from kerasnorm._validation import as_int, check_choice
from kerasnorm.backups import Backup, opened
from kerasnorm.data import (
    Batches,
    Order,
    StoredBatches,
    check_unweighted,
    each_batch,
    has_weights,
    in_order,
    numbered,
    read_batches,
    reads_alike,
)
from kerasnorm.data.splitting import read_paths
from kerasnorm.models import fresh_metrics, is_graph, leaves
from kerasnorm.transfer._check_input_range import check_input_range
from kerasnorm.transfer._freeze import BATCHNORM
from kerasnorm.transfer._region import Boundary, split
from kerasnorm.transfer._rule_of_thumb import Strategy
from kerasnorm.transfer.fine_tuning._asked import Asked, Plan
from kerasnorm.transfer.fine_tuning._augmenting import augmented, why_features_change
from kerasnorm.transfer.fine_tuning._epoch_logs import Logs, by_name
from kerasnorm.transfer.fine_tuning._feature_batches import FeatureBatches
from kerasnorm.transfer.fine_tuning._optimizing import (
    Rate,
    compile_ready,
    optimizer_at,
    rates_for,
)
from kerasnorm.transfer.fine_tuning._result import FineTuning
from kerasnorm.transfer.fine_tuning._resumable_fits import Stages
from kerasnorm.transfer.fine_tuning._strategies import (
    as_strategy,
    refuse_for_svm,
    refuse_keras_replicas,
    starts_from_a_head,
)
from kerasnorm.transfer.fine_tuning._svm_model import svm_model
from kerasnorm.transfer.fine_tuning._targets import (
    check_class_weight,
    check_labels,
)
from kerasnorm.transfer.fine_tuning._two_phases import TwoPhases
from kerasnorm.transfer.rates import warn_if_forgetful


def fine_tune(
    model: keras.Model,
    train: Any,
    validation: Any = None,
    strategy: str | Strategy = "fine_tune",
    classes: int | None = None,
    head_epochs: int | None = None,
    epochs: int = 10,
    *,
    learning_rate: Rate | None = None,
    base_learning_rate: Rate | None = None,
    decay: float | None = None,
    blocks: Sequence[str] | None = None,
    gradual: int | None = None,
    until: Boundary | None = None,
    batchnorm: str = "inference",
    optimizer: str | keras.optimizers.Optimizer = "adam",
    loss: Any = None,
    metrics: Sequence[Any] = ("accuracy",),
    class_weight: Mapping[int, float] | None = None,
    sampler: Order | None = None,
    monitor: str | None = "auto",
    augmentation: keras.Layer | None = None,
    batch_size: int = 32,
    cache: bool = True,
    cache_limit: int = 2**30,
    backup_dir: StrPath | Backup | None = None,
    prepare: Callable[[keras.Model], keras.Model] | None = None,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    seed: int | None = None,
    jit_compile: bool | str = "auto",
    verbose: str | int = "auto",
) -> FineTuning:
    """Carries a pretrained classifier over to your examples.

    A new head would send noise into good features, so it comes first, the base frozen and at
    inference. What the base makes of each example is computed once, and the head that fits these
    features best is solved (`solve_head`), which takes a second where epochs take minutes. Then all
    layers train, at a smaller rate, smaller still further down if you give `decay`:

    | strategy | trains |
    |---|---|
    | "fine_tune" | the head, then all above `until` for `epochs` |
    | "freeze" | the head only |
    | "scratch" | all layers, from new initial weights |
    | "svm" | no epochs: a linear SVM on the layer's features that cross-validation finds best |
    | "as_is" | what is trainable in the model as it is given, from its weights |

    Args:
        model: built keras.Model that ends in a Dense layer, or with `classes` a backbone, as in
            `replace_head`; for label maps one that ends in a convolution, and perhaps in what
            resizes the maps. It stays as it is, weights and flags. A KerasHub task comes back as a
            functional model that rescales raw images as its preprocessor does.
        train: (x, y) arrays, or a finite Dataset of (x, y): a tf.data.Dataset of single examples
            or of batches, or a PyDataset of batches; an `ImageFolder`, `ImageTable`,
            `SegmentationFolder` or `TFRecords`; or a path of images, as in `kerasnorm.fit`, of
            which a part for validation is `validation` if you give none. y: ints (N,) or (N, 1);
            names of classes, which are numbered in alphabetical order; rows (N, K) that are one-hot
            or sum to 1; label maps (N, H, W); for a sigmoid or one logit 0 to 1; or what `loss`
            takes. Or (x, y, w) with sample weights (N,), not for "svm": the loss is weighed by
            them, times the weights of the classes.
        validation: as `train`, for the curves, and what `monitor` says. With sample weights the
            metrics are weighed, too.
        strategy: one of the table, or what `rule_of_thumb` returns, whose learning rate is taken
            if none is given.
        classes: int ≥ 1, units of a new head in place of the last Dense layer, or for label maps
            filters in place of the last convolution; None keeps that.
        head_epochs: None solves the head, once and for all. That is epoch 0 of the history, and
            `sampler` has no part in it. An int ≥ 0 trains it by the optimizer for so many epochs
            instead; "freeze" adds `epochs` to them. Label maps, losses other than cross-entropies
            and this library's, and heads other than a Dense layer on a row of features are always
            trained, for 5 epochs by default.
        epochs: int ≥ 0, of all layers.
        learning_rate: of the head alone, and of "scratch": a float, 1e-3 by default, or a
            keras.optimizers.schedules.LearningRateSchedule.
        base_learning_rate: of the second phase; by default a tenth of `learning_rate`.
        decay, blocks: as in `layer_decay`: each step below the head has `decay` times the rate of
            the one above. None: one rate for all.
        gradual: int ≥ 1, with `decay`: in the second phase one more step of layers trains every
            `gradual` epochs, from the head down, as in `GradualUnfreezing`. None: all at once.
        until: what stays frozen in the second phase, as in `freeze`; None: nothing.
        batchnorm: what becomes of batch normalization in the second phase, as in `unfreeze`; it
            trains from "scratch".
        optimizer: name of a Keras optimizer, or one whose settings but for the rate are taken.
        loss, metrics, verbose: as in Keras. The loss is the cross-entropy that fits the head and
            the labels by default.
        jit_compile: as in Keras; but "auto" leaves XLA out on TensorFlow without a GPU, where it
            took 4 to 6 times as long to fine-tune EfficientNet-Lite0.
        class_weight: a dict with a weight for each class; or `ClassWeights`, which weigh pixels
            too, and go together with sample weights. None: a solved head decides as if all classes
            were as frequent; weights, even of 1, leave that to them. Several labels are weighed by
            their loss, `kerasnorm.imbalance.LabelCrossentropy`.
        sampler: callable that returns the rows of `train`, arrays then, that make up an epoch, ints
            (M,), given its number; for drawing rare classes more often. None: all, shuffled.
        monitor: name of the value in the history whose best epoch, over both phases, the weights
            are taken from, such as "val_accuracy": the smallest if it ends in "loss", else the
            largest. None: the weights are those of the last epoch. "auto", where the head is solved
            and the base trains: an average, three quarters of the way from the solved head to the
            last epoch, or the solved head if the loss of `validation` is not lower there. Else as
            None.
        augmentation: layer, or Sequential of layers, that changes raw input at random in training;
            not for label maps. With one, or with random layers before the model's first weights,
            features are made anew in each epoch in which the head trains, and a warning says so. A
            solved head has the examples as they are.
        batch_size: examples a batch, where the data have none of their own.
        cache: whether features are kept.
        cache_limit: bytes of features that memory may hold; beyond it they are memory-mapped from a
            file, in `backup_dir` or the system's folder for temporary files.
        backup_dir: folder for a backup, which each epoch replaces. After an interruption the same
            call resumes from it, and ends with arrays with the same weights and history as without
            the interruption. Callbacks of Keras and this library resume with what they remember;
            others if they have `state_dict()` and `load_state_dict(state)`. Other data, weights to
            start from, arguments or versions are refused. The backup is removed at the end.
        prepare: makes of the model, or the part of it that a phase trains, a copy that trains in
            its place, such as `kerasnorm.distribute.prepare` for several devices or machines (not
            with `backup_dir` on the latter). After each epoch the model has its weights. In the
            scope of a `tf.distribute` strategy of several replicas one is needed.
        callbacks: further Keras callbacks, in both phases, in which epochs count on.
        seed: int ≥ 0. Sets the global seeds, which decide new weights and dropout, and the order
            of the examples.

    Returns:
        `FineTuning(model, history, strategy)`. The model is new, takes raw input and is compiled.
        "svm" has no activation at its end: the outputs are scores.

    Raises:
        ValueError: if an argument is out of range, or the data, the model and the labels do not
            fit one another; if the backup is damaged, or of a training that something else
            decides. Files in `backup_dir` stay as they were.
        InUseError: if another process trains with the same `backup_dir`; an OSError.

    Warns:
        UserWarning: if the training diverges. It then stops, with the weights from before.

    Example:

    >>> layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(10, "softmax")]
    >>> source = keras.Sequential([keras.Input((4,)), *layers])
    >>> x = np.random.default_rng(0).normal(size=(64, 4))
    >>> tuned = fine_tune(source, (x, x[:, 0] > 0), classes=2, epochs=1, seed=0, verbose=0)
    >>> tuned.model.output_shape, len(tuned.history["loss"])
    ((None, 2), 2)

    See also:
        `solve_head`; `rule_of_thumb`, which chooses a strategy; `kerasnorm.fit`, which adds
        resampling, losses for the long tail and an evaluation.

    References:
        Yosinski et al., 2014, https://arxiv.org/abs/1411.1792
        Wortsman et al., 2022, Robust fine-tuning of zero-shot models,
        https://arxiv.org/abs/2109.01903 (the average of the weights)
        Kumar et al., 2022, Fine-tuning can distort pretrained features and underperform
        out-of-distribution, https://arxiv.org/abs/2202.10054 (the head first)
    """
    strategy = as_strategy(strategy)
    if monitor not in (None, "auto") and monitor.startswith("val_") and validation is None:
        raise ValueError(f"`monitor` {monitor!r} needs `validation`, and there is none. Give both.")
    if strategy.name == "svm":
        chosen = None if monitor == "auto" else monitor
        refuse_for_svm(sampler=sampler, monitor=chosen, gradual=gradual)
    elif prepare is None:
        refuse_keras_replicas()
    batch_size = as_int("batch_size", batch_size, low=1)
    cache_limit = as_int("cache_limit", cache_limit, low=0)
    check_choice("batchnorm", batchnorm, BATCHNORM)
    rates = rates_for(strategy, learning_rate, base_learning_rate)
    if seed is not None:
        seed = as_int("seed", seed, low=0)

    asked = Asked(
        model=model,
        strategy=strategy,
        classes=classes,
        head_epochs=head_epochs,
        epochs=epochs,
        rates=rates,
        decay=decay,
        blocks=blocks,
        gradual=gradual,
        until=until,
        batchnorm=batchnorm,
        optimizer=optimizer,
        loss=loss,
        metrics=metrics,
        class_weight=class_weight,
        monitor=monitor,
        augmentation=augmentation,
        batch_size=batch_size,
        prepare=prepare,
    )
    with opened(backup_dir) as backup:
        if backup is not None:
            seed = backup.seed(seed)
        if seed is not None:
            keras.utils.set_random_seed(seed)
        order = int(np.random.randint(2**31))  # so that the seed decides it

        data = _read(model, train, validation, batch_size, order, sampler)
        new, shape = asked.network(data)
        check = partial(check_labels, model=new, loss=loss)
        _check_at_hand(data, check)
        if class_weight is not None:
            check_class_weight(class_weight, new, loss, has_weights(data[0]))
        if strategy.name == "svm":
            for name, each in zip(("train", "validation"), (train, validation), strict=True):
                check_unweighted(each, name, "strategy='svm'")
            svm, history = svm_model(new, data, strategy.settings.get("estimator", "svm"), order)
            return FineTuning(svm, history, strategy.name)

        plan = asked.plan(new)
        if starts_from_a_head(strategy.name) and not why_features_change(new, None):
            check_input_range(new, in_order(data[0]))
        split(leaves(new), "until", plan.frozen)
        first = optimizer_at(optimizer, rates.head)
        asked.rates_of(new, plan)  # what it would refuse later
        if strategy.name == "fine_tune":
            warn_if_forgetful(first)
        outer = new if augmentation is None else augmented(new, augmentation, len(shape) > 2)
        compiling = asked.compiling(new, shape, jit_compile)
        measured = compiling["metrics"]
        if has_weights(data[1]):
            compiling["weighted_metrics"] = compiling.pop("metrics")
        stages = Stages(new, compiling, class_weight, verbose, callbacks, seed, backup, prepare)
        final = asked.final_weights(new, plan)
        decided = {"loss": compiling["loss"], "metrics": measured}
        stages.resume(final, lambda: asked.fingerprint(data, plan, decided, seed))
        keep = FeatureBatches(cache_limit, batch_size, order, int(bool(verbose)), check)
        kept = cache and not plan.solved and len(plan.head) > 0
        kept = kept and _features_stay(new, augmentation, data[0])
        phases = TwoPhases(new, outer, data, stages, keep, kept, final)
        logs = _train(phases, asked, plan, first)
        compiling |= {"metrics": fresh_metrics(measured, compiling["loss"])}
        compiling.pop("weighted_metrics", None)
        compile_ready(new, optimizer_at(optimizer, rates.base), **compiling)
        return FineTuning(new, by_name(logs), strategy.name)


def _train(phases: TwoPhases, asked: Asked, plan: Plan, first: keras.Optimizer) -> Logs:
    """Trains the head, then all layers, and returns the logs of all epochs.

    Args:
        first: the head's optimizer.
    """
    logs: Logs = []
    if plan.solved:
        logs = phases.solve_head(asked.class_weight)
    elif plan.head:
        logs = phases.train_head(lambda _: (first, []), plan.head)
    if plan.all:
        name = asked.strategy.name
        if name != "as_is":
            batchnorm = "train" if name == "scratch" else asked.batchnorm
            phases.unfreeze_above(plan.frozen, batchnorm)
        logs = logs + phases.train_all(lambda trained: asked.rates_of(trained, plan), plan.all)
    phases.finish()
    return logs


def _read(
    model: keras.Model,
    train: Any,
    validation: Any,
    batch_size: int,
    seed: int,
    sampler: Order | None,
) -> tuple[Any, Any]:
    """Returns the examples as `fit` takes them."""
    shape = model.input_shape if is_graph(model) else None
    train, validation, _ = read_paths(shape, train, validation, seed=seed, hold_out=False)
    train, names = numbered("train", train)
    if validation is not None:
        validation, _ = numbered("validation", validation, names)
    train = read_batches("train", train, model, batch_size, seed, sampler)
    if validation is not None:
        validation = read_batches("validation", validation, model, batch_size)
    return train, validation


def _check_at_hand(data: tuple[Any, Any], check: Callable[[str, np.ndarray], None]) -> None:
    """Checks the labels of arrays, and the first batch of others; the rest when it is read."""
    for name, each in zip(("train", "validation"), data, strict=True):
        if isinstance(each, Batches):
            check(name, each.y)
        elif each is not None and not isinstance(each, StoredBatches):
            check(name, next(each_batch(each))[1])


def _features_stay(model: keras.Model, augmentation: keras.Layer | None, train: Any) -> bool:
    """Returns whether the base always makes the same of an example; warns if it does not."""
    why = why_features_change(model, augmentation)
    if why is None and not reads_alike(train):
        why = "another pass over `train` has other examples, as augmentation in it makes"
    if why is not None:
        warnings.warn(f"The base's features are computed in every epoch: {why}.", stacklevel=3)
    return why is None
