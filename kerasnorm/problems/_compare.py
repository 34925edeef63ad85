"""Ways of training compared on one problem, over seeds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import keras

from kerasnorm.backups import Backup
from kerasnorm.recipe import Advice, Recipe, Run, fit
from kerasnorm.recipe.results import Comparison, Trial

SOLVED = "frozen features, solved head"  # the way that any other has to be ahead of
OnEpoch = Callable[[str, int, int, int, Mapping[str, float]], None]


def plain_fine_tuning(rate: float, **fields: Any) -> Recipe:
    """Returns what a call of Keras' `fit` does: no head first, all layers at one rate."""
    at_once = {"head_epochs": 0, "base_learning_rate": rate, "batchnorm": "train"}
    return Recipe(transfer_settings=at_once, **fields)


class Problem(Protocol):
    """What there is to train on, and to start from."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes."""

    @property
    def reads(self) -> str:
        """What goes into which model: size, channels, range of the pixels, the model's name."""

    @property
    def pretrained(self) -> bool:
        """Whether there are weights to start from."""

    def described(self, seed: int) -> str:
        """Returns what was read: classes, counts, parts, sizes and what was left out."""

    def doubts(self) -> list[str]:
        """Returns what seems to be wrong with it, a line each."""

    def data(self, seed: int) -> tuple[Any, Any, Any]:
        """Returns the examples for training, validation and test; the last may be None."""

    def model(
        self, recipe: Recipe, seed: int, callbacks: Sequence[keras.callbacks.Callback] = ()
    ) -> keras.Model:
        """Returns the model to start from."""


class _Telling(keras.callbacks.Callback):
    """Tells of each epoch; the solved head, which is the first in the history, is none."""

    def __init__(self, on_epoch: OnEpoch, name: str, seed: int, epochs: int | None = None) -> None:
        super().__init__()
        self._tell, self._epochs = partial(on_epoch, name, seed), epochs

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        last = self.params["epochs"]
        epochs = last if self._epochs is None else self._epochs
        self._tell(epoch + 1 - max(0, last - epochs), epochs, logs or {})


def compare(
    ways: Mapping[str, Recipe | Advice],
    problem: Problem,
    seeds: Iterable[int],
    epochs: int,
    batch_size: int,
    on_epoch: OnEpoch,
    on_trial: Callable[[str, int, Trial], None],
    backup: Backup | None = None,
    **more: Any,
) -> tuple[Comparison, Run]:
    """Trains in every way with every seed, for the same number of epochs and steps.

    Args:
        ways: recipes or advice by name, the one that matters last.
        problem: what to train on.
        seeds: decide data, initial weights and order, the same for all ways.
        epochs: of each training.
        batch_size: examples a step.
        on_epoch: called after each epoch with the name of the way, the seed, the number of the
            epoch from 1 up, how many there are, and figures; the name is "source" where a model is
            pre-trained.
        on_trial: called with name, seed and result after each training.
        backup: for a part for each training; None: there are no backups.
        **more: further arguments of `fit` for the last way; the others get `prepare` alone.

    Returns:
        The figures by way, and the last way's run with the first seed.

    Raises:
        ValueError: without a way or a seed.
    """
    comparison: Comparison = {name: [] for name in ways}
    last = next(reversed(ways.values()), None)
    kept: Run | None = None
    plain = {"prepare": more.get("prepare")}
    for seed in seeds:
        train, validation, test = problem.data(seed)
        for name, way in reversed([*ways.items()]):  # what is wrong with the recipe shows first
            recipe = way.recipe if isinstance(way, Advice) else way
            run = fit(
                way,
                problem.model(recipe, seed, [_Telling(on_epoch, "source", seed)]),
                train,
                validation,
                epochs,
                verbose=0,
                test=test,
                batch_size=batch_size,
                seed=seed,
                classes=problem.classes,
                callbacks=[_Telling(on_epoch, name, seed, epochs)],
                backup_dir=backup and backup.part(f"{name}, seed {seed}"),
                **(more if way is last else plain),
            )
            kept = kept or run
            comparison[name].append(Trial(run.history, run.evaluation, run.predictions))
            on_trial(name, seed, comparison[name][-1])
    if kept is None:
        raise ValueError(
            "There should be one way of training and one seed at least. Received: none."
        )
    return comparison, kept
