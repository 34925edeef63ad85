"""Says how far a training is: a bar on a terminal, elsewhere a line for each epoch."""

import time
from collections.abc import Mapping
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from kerasnorm.recipe import Evaluation
from kerasnorm.recipe.results import Trial, percent


class Trainings:
    """Several trainings one after another, as a context manager.

    Args:
        console: where to print.
        trainings: how many there are.
        epochs: of each of them, at most.
        before: epochs of other trainings, which come first.
    """

    def __init__(self, console: Console, trainings: int, epochs: int, before: int = 0) -> None:
        self._console, self._epochs = console, epochs
        self._total, self._done, self._began = trainings * epochs + before, 0, time.monotonic()
        self._left = trainings * epochs
        plain = TextColumn("{task.description}", markup=False)
        self._bar = Progress(
            *(plain, BarColumn(bar_width=20), TimeRemainingColumn(compact=True)),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("reads the images", total=self._total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def on_epoch(
        self, name: str, seed: int, epoch: int, epochs: int, logs: Mapping[str, float]
    ) -> None:
        """Says how an epoch ended."""
        self._done += 1
        said = f"seed {seed}, {name}: epoch {epoch}/{epochs}, {_figures(logs)}"
        if self._console.is_terminal:
            self._bar.update(self._task, description=said, completed=self._done)
            return
        passed = time.monotonic() - self._began
        left = passed / self._done * max(self._total - self._done, 0)
        self._print(f"{said}, {_clock(left)} left")

    def on_trial(self, name: str, seed: int, trial: Trial) -> None:
        """Says how a training ended; the epochs that patience has saved count as done."""
        self._left -= self._epochs
        self._done = max(self._done, self._total - self._left)
        self._bar.update(self._task, completed=self._done)
        score = f"{trial.evaluation.score_name} {percent(trial.evaluation.score)} %"
        self._print(f"seed {seed}, {name}: {score}")

    def _print(self, text: str) -> None:
        printed: Any = self._bar.console
        printed.print(text, markup=False, highlight=False, soft_wrap=True)


def _figures(logs: Mapping[str, float]) -> str:
    """Returns the loss, and what the epochs are judged by.

    >>> _figures({"loss": 0.25, "val_loss": 0.5, "val_balanced_accuracy": 0.75})
    'loss 0.25, validation loss 0.5, balanced accuracy 75.0 %'
    """
    shown = [f"loss {logs['loss']:.3g}"] if "loss" in logs else []
    if "val_loss" in logs:
        shown.append(f"validation loss {logs['val_loss']:.3g}")
    kinds = [Evaluation]
    for kind in kinds:  # grows
        kinds += kind.__subclasses__()
    found = next((kind for kind in kinds if kind.monitor in logs), None)
    if found is not None:
        shown.append(f"{found.score_name} {percent(logs[found.monitor])} %")
    return ", ".join(shown)


def _clock(seconds: float) -> str:
    """Returns a time as it reads on a clock.

    >>> _clock(62.3), _clock(3700)
    ('1:02', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
