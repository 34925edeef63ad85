"""Shares the trials of an Optuna study among several processes."""

import contextlib
import os
import socket
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kerasnorm.tuning._heartbeat import Heartbeat, Watch
from kerasnorm.tuning._study import Study

_ALIVE, _JOURNAL, _LOCK = "alive", "optuna.journal", "optuna"


class SharedStudy:
    """Hands out the trials of a study in a folder, each to one process at a time.

    A trial whose process was lost is given to another one, with the same values; if that one is
    lost, too, it failed. Of the two trials that Optuna has then, both with one `number` among
    their attributes, the later one counts.

    Args:
        folder: Of the study, the same for all processes.
        plan: What they must agree on.
        direction: Optuna's, "maximize" or "minimize".
        sampler_for: Returns Optuna's sampler for the trial of a number.
        max_trials: How many trials there are, of all processes together.
        timeout: Seconds without a sign of life after which a process is considered lost.

    Raises:
        ValueError: If the study in the folder began with another plan.
    """

    def __init__(
        self,
        folder: Path,
        plan: dict[str, Any],
        direction: str,
        sampler_for: Callable[[int], Any],
        max_trials: int,
        timeout: float,
    ) -> None:
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        self._sampler_for, self._max_trials = sampler_for, max_trials
        self._name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._watch = Watch(folder / _ALIVE, timeout)
        self.heartbeat = Heartbeat(folder / _ALIVE, self._name, timeout)
        self._lock = JournalFileOpenLock(str(folder / _LOCK))
        journal = str(folder / _JOURNAL)
        folder.mkdir(parents=True, exist_ok=True)
        with self._locked(), _quiet():
            Study(folder).begin(plan)
            self._study = optuna.create_study(
                storage=optuna.storages.JournalStorage(
                    JournalFileBackend(journal, JournalFileOpenLock(journal))
                ),
                study_name="search",
                direction=direction,
                load_if_exists=True,
            )

    def claim(self) -> Any:
        """Returns a trial that is to run in this process, or None if there is none now.

        Raises:
            LostError: If this process was considered lost.
        """
        from optuna.trial import TrialState

        self.heartbeat.check()
        with self._locked():
            self._release_lost()
            begun = len(self.trials())
            waiting = self._study.get_trials(deepcopy=False, states=[TrialState.WAITING])
            if not waiting and begun >= self._max_trials:
                return None
            self._study.sampler = self._sampler_for(begun)
            trial = self._study.ask()
            if "number" not in trial.user_attrs:
                trial.set_user_attr("number", begun)
            trial.set_user_attr("process", self._name)
        return trial

    def complete(self, trial: Any, score: float, figures: dict[str, float]) -> None:
        """Ends a trial that is still this process's, with its figures.

        Raises:
            LostError: If this process was considered lost.
        """
        self.heartbeat.check()
        trial.set_user_attr("figures", figures)
        self._study.tell(trial, score)

    def fail(self, trial: Any, message: str) -> None:
        """Ends a trial that is still this process's, with the reason why it failed.

        Raises:
            LostError: If this process was considered lost.
        """
        from optuna.trial import TrialState

        self.heartbeat.check()
        trial.set_user_attr("message", message)
        self._study.tell(trial, state=TrialState.FAIL)

    def trials(self) -> dict[int, Any]:
        """Returns Optuna's trials by their numbers, of those with one number the last."""
        trials = self._study.get_trials(deepcopy=False)
        return {t.user_attrs["number"]: t for t in trials if "number" in t.user_attrs}

    def is_over(self) -> bool:
        """Returns whether all trials are finished."""
        trials = self.trials().values()
        return len(trials) >= self._max_trials and all(t.state.is_finished() for t in trials)

    def _release_lost(self) -> None:
        """Ends the trials of lost processes, and lets those run again that it happened to once."""
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        running = [trial for trial in trials if trial.state == TrialState.RUNNING]
        numbers = [trial.user_attrs.get("number") for trial in trials]
        # a trial without a process: killed before it had written its name
        owners = [trial.user_attrs.get("process") for trial in running]
        alive = self._watch.alive([owner for owner in owners if owner])
        for trial, owner in zip(running, owners, strict=True):
            if owner in alive:
                continue
            if owner:
                self._watch.forget(owner)
            self._study.tell(trial.number, state=TrialState.FAIL)
            number = trial.user_attrs.get("number")
            if number is not None and numbers.count(number) == 1:
                self._study.enqueue_trial(trial.params, user_attrs={"number": number})

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other processes from counting the same trials; a killed one's lock expires."""
        self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Optuna from telling each process that the study was there already."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
