"""Says what each strategy of `fine_tune` trains, how long, and from which weights."""

from typing import Any

import keras

from kerasnorm._validation import as_int, check_choice, listed
from kerasnorm.backend.engine import in_scope_of
from kerasnorm.models import copy_model, find_head
from kerasnorm.transfer._raw_images import on_raw_images
from kerasnorm.transfer._replace_head import put_new_head
from kerasnorm.transfer._rule_of_thumb import Strategy
from kerasnorm.transfer.fine_tuning._reinitialise import reinitialise

STRATEGIES = ("freeze", "fine_tune", "svm", "scratch", "as_is")


def as_strategy(strategy: str | Strategy) -> Strategy:
    """Returns the strategy of a name, or the one given; ValueError for an unknown name."""
    if isinstance(strategy, Strategy):
        return strategy
    return Strategy(check_choice("strategy", strategy, STRATEGIES), "as asked for", {})


def starts_from_a_head(strategy: str | None) -> bool:
    """Returns whether a strategy begins with the head alone."""
    return strategy in ("freeze", "fine_tune")


def epochs_of(strategy: str, head_epochs: int, epochs: int, solved: bool) -> tuple[int, int]:
    """Returns for how many epochs the head trains alone, and all layers do.

    Solving the head counts as one epoch.
    """
    first, second = as_int("head_epochs", head_epochs, low=0), as_int("epochs", epochs, low=0)
    if solved:
        return (1, 0) if strategy == "freeze" else (1, second)
    every = first + second
    alone = {"freeze": (every, 0), "scratch": (0, every), "as_is": (0, every)}
    return alone.get(strategy, (first, second))


def model_for(strategy: str, model: keras.Model, classes: int | None, maps: bool) -> keras.Model:
    """Returns the copy to train: with a new head if asked for, new weights if from scratch."""
    new = copy_model(on_raw_images(model))
    if classes is not None:
        new = put_new_head(new, as_int("classes", classes, low=1), maps)
    find_head(new)
    return reinitialise(new) if strategy == "scratch" else new


def refuse_for_svm(**given: Any) -> None:
    """Refuses arguments that mean nothing where no epochs are trained.

    Raises:
        ValueError: if one of them is not None.
    """
    wrong = {name: value for name, value in given.items() if value is not None}
    if wrong:
        raise ValueError(
            f"The strategy 'svm' trains no epochs, so it has no {listed(wrong)}. Leave it out."
        )


def refuse_keras_replicas() -> None:
    """Refuses to train Keras' own models in the scope of a strategy of several replicas.

    Keras weighs every replica alike, however many examples it has, and fails where the first batch
    cannot be divided equally.

    Raises:
        ValueError: in such a scope.
    """
    replicas = getattr(in_scope_of(), "num_replicas_in_sync", 1)
    if replicas > 1:
        raise ValueError(
            "`prepare` should be given in the scope of a strategy of several replicas: Keras' own "
            "models are not exact there, and fail where a batch cannot be divided equally. "
            f"Received: prepare=None in a scope of {replicas} replicas. Pass "
            "`prepare=kerasnorm.distribute.prepare`, or call this outside of the scope."
        )
