"""Gathers the private parts of keras-tuner: how its chief and workers communicate.

Keras-tuner's own chief waits forever for the trial of a killed worker, stops the others meanwhile,
and does not report why a trial failed.
"""

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kerasnorm.tuning._heartbeat import LOST, Heartbeat, LostError
from kerasnorm.tuning._trial_runs import keep_best

KNOWN = "1.4"
_PAUSE = 0.5  # seconds between two requests for a trial when there is none yet
_MESSAGE = "message.txt"


def check_version() -> None:
    """Refuses a keras-tuner whose insides may be others.

    Raises:
        ValueError: That names the version to use.
    """
    import keras_tuner

    if not keras_tuner.__version__.startswith(f"{KNOWN}."):
        raise ValueError(
            f"distributed='keras_tuner' works with keras-tuner {KNOWN}. Received: "
            f"{keras_tuner.__version__}. Use distributed='optuna', or pip install "
            f"'keras-tuner=={KNOWN}.*'."
        )


class Calls:
    """Answers the workers' calls: keras-tuner's `OracleServicer`, with an eye on lost workers.

    All its methods, the calls included, are for one thread: keras-tuner's own lock stays locked
    if something is raised inside.

    Attributes:
        stopped: Whether there is nothing left to try.

    Args:
        tuner: The chief's.
    """

    def __init__(self, tuner: Any) -> None:
        from keras_tuner.src.distribute import oracle_chief

        self.stopped = False
        self._tuner = tuner
        self._calls = oracle_chief.OracleServicer(tuner.oracle)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)

    def add_to(self, server: Any) -> None:
        """Makes them the answers of a `grpc.Server`."""
        from keras_tuner.src import protos

        protos.get_service_grpc().add_OracleServicer_to_server(self, server)

    def CreateTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Gives a worker a trial; one that has none waits, as it may have to take over another's.

        keras-tuner tells it to stop.
        """
        from keras_tuner.src import protos

        if request.tuner_id in self.workers():  # it was killed, and has been started again
            self.give_up(request.tuner_id)
        trial = self._tuner.oracle.create_trial(request.tuner_id)
        if trial.status == "STOPPED":
            if self._tuner.oracle.ongoing_trials:
                trial.status = "IDLE"
            else:
                self.stopped = True
        return protos.get_service().CreateTrialResponse(trial=trial.to_proto())

    def EndTrial(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Ends a trial with the worker's reason, and removes the runs that are not wanted."""
        from keras_tuner.engine.trial import Trial
        from keras_tuner.src import protos

        trial = Trial.from_proto(request.trial)
        reason = Path(self._tuner.get_trial_dir(trial.trial_id), _MESSAGE)
        if reason.exists():
            trial.message = reason.read_text(encoding="utf-8")
            reason.unlink()
        self._tuner.oracle.end_trial(trial)
        keep_best(self._tuner, self._tuner.hypermodel.keep_runs)
        return protos.get_service().EndTrialResponse()

    def workers(self) -> set[str]:
        """Returns the names of the workers that have a trial."""
        return {*self._tuner.oracle.ongoing_trials}

    def give_up(self, worker: str) -> None:
        """Gives a lost worker's trial to another one; if it was lost before, the trial failed."""
        oracle = self._tuner.oracle
        trial = oracle.ongoing_trials.get(worker)
        if trial is None:  # it has ended it after all
            return
        if oracle._run_times[trial.trial_id]:
            trial.status = "FAILED"
            trial.message = LOST
            oracle.end_trial(trial)
        else:
            oracle._run_times[trial.trial_id] += 1
            oracle._retry_queue.append(trial.trial_id)
            del oracle.ongoing_trials[worker]
            oracle.save()

    def unfinished(self) -> bool:
        """Returns whether there are trials that did not run, or may be."""
        oracle = self._tuner.oracle
        remaining = oracle.remaining_trials()
        return remaining is None or remaining > 0 or bool(oracle._retry_queue)


class Chief:
    """A worker's view of the chief: keras-tuner's `OracleClient`, which would wait for an hour.

    What its calls raise ends the search; keras-tuner would take it for the trial's fault.

    Args:
        tuner: The worker's.
        heartbeat: The worker's, with the seconds to wait for an answer.
        unreachable: What to say if there is none.
    """

    def __init__(self, tuner: Any, heartbeat: Heartbeat, unreachable: str) -> None:
        self._tuner, self._client = tuner, tuner.oracle
        for name, call in vars(self._client.stub).items():
            setattr(self._client.stub, name, functools.partial(_in_time, call, heartbeat.timeout))
        self._heartbeat, self._unreachable = heartbeat, unreachable

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def create_trial(self, tuner_id: str) -> Any:
        """Returns a trial; keras-tuner asks again at once if it is an idle one."""
        with self._asking():
            trial = self._client.create_trial(tuner_id)
        if trial.status == "IDLE":
            time.sleep(_PAUSE)
        return trial

    def get_trial(self, trial_id: str) -> Any:
        """Returns a trial."""
        with self._asking():
            return self._client.get_trial(trial_id)

    def get_best_trials(self, num_trials: int = 1) -> list[Any]:
        """Returns trials, the best first, without the reasons why some failed."""
        with self._asking():
            return self._client.get_best_trials(num_trials)

    def update_trial(self, *arguments: Any, **kwargs: Any) -> Any:
        """Reports a trial's figures."""
        with self._asking():
            return self._client.update_trial(*arguments, **kwargs)

    def end_trial(self, trial: Any) -> None:
        """Reports a trial's end, and why it failed."""
        if trial.message is not None:
            reason = Path(self._tuner.get_trial_dir(trial.trial_id), _MESSAGE)
            reason.write_text(trial.message, encoding="utf-8")
        with self._asking():
            self._client.end_trial(trial)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        import grpc
        from keras_tuner.errors import FatalRuntimeError

        try:
            self._heartbeat.check()
            yield
        except LostError as error:
            raise FatalRuntimeError(str(error)) from error
        except grpc.RpcError as error:
            late = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            said = self._unreachable if late else f"The chief failed: {error.details()}"
            raise FatalRuntimeError(said) from error


def _in_time(call: Callable, limit: float, request: Any, timeout: float, **kwargs: Any) -> Any:
    """Calls the chief with another limit than keras-tuner's."""
    return call(request, timeout=limit, **kwargs)
