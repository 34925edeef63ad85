"""Runs keras-tuner's chief and workers so that a search ends even if some are killed."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kerasnorm.tuning._heartbeat import Heartbeat, Watch
from kerasnorm.tuning._keras_tuner import Calls, Chief
from kerasnorm.tuning._roles import Role

_ALIVE = "alive"
_LOOK = 0.5  # seconds between two looks at the workers


def serve(tuner: Any, role: Role, timeout: float) -> None:
    """Lets workers run the tuner's trials until none is left.

    Args:
        tuner: Keras-tuner's, with its trials.
        role: The chief's.
        timeout: Seconds without a sign of life after which a worker is considered lost.

    Raises:
        ValueError: If it cannot listen at its address.
        RuntimeError: If no worker is left, or none comes, and there are trials to run.
    """
    watch = Watch(Path(tuner.project_dir, _ALIVE), timeout)
    watch.forget_all()  # the trials of workers of a chief before are to be run again
    calls = Calls(tuner)
    # the calls run in the only thread of this pool, and so does all else that touches the trials
    with ThreadPoolExecutor(max_workers=1) as thread, _listening(calls, role.address, thread):
        while True:
            time.sleep(_LOOK)
            workers = thread.submit(calls.workers).result()
            alive = watch.alive(workers)
            for worker in workers - alive:
                thread.submit(calls.give_up, worker).result()
                watch.forget(worker)
            if not alive and (calls.stopped or watch.silence() > timeout):
                break
    if not calls.stopped and calls.unfinished():
        raise RuntimeError(_no_worker(tuner, role, timeout))


@contextlib.contextmanager
def _listening(calls: Calls, address: str, thread: Executor) -> Iterator[None]:
    import grpc

    # without the option, two chiefs would share a port, and each would have some of the calls
    server = grpc.server(thread, options=[("grpc.so_reuseport", 0)])
    calls.add_to(server)
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise ValueError(
            f"The chief cannot listen on {address}: the port is in use, or the address is not of "
            "this machine. Set KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT to one that is free."
        ) from error
    server.start()
    try:
        yield
    finally:
        server.stop(grace=1).wait()


def _no_worker(tuner: Any, role: Role, timeout: float) -> str:
    trials = tuner.oracle.trials.values()
    ended = sum(trial.status in ("COMPLETED", "FAILED") for trial in trials)
    return (
        f"No worker of the chief at {role.address} has shown a sign of life for {timeout:g} s. "
        f"{ended} of {tuner.oracle.max_trials or 'the'} trials are finished and stay in "
        f"'{tuner.project_dir}': start the chief and its workers again to go on."
    )


@contextlib.contextmanager
def beside_chief(role: Role, folder: Path, timeout: float) -> Iterator[Heartbeat]:
    """Waits for the chief, and shows it that this worker is there, whatever it does inside.

    Args:
        role: The worker's.
        folder: Of the study's trials.
        timeout: Seconds to wait, and without a sign of life after which this worker is taken for
            lost.

    Raises:
        RuntimeError: If the chief does not answer.
    """
    import grpc

    with grpc.insecure_channel(role.address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout)
        except grpc.FutureTimeoutError as error:
            raise RuntimeError(_no_chief(role, timeout)) from error
    with Heartbeat(folder / _ALIVE, role.name, timeout) as heartbeat:
        yield heartbeat


def work(tuner: Any, role: Role, heartbeat: Heartbeat, *data: Any, **arguments: Any) -> None:
    """Runs trials for the chief until none is left.

    Args:
        tuner: Keras-tuner's, as a worker makes it.
        role: The worker's.
        heartbeat: The worker's.
        *data: Given to the tuner's `search`, as `arguments` are.

    Raises:
        RuntimeError: If the chief does not answer, or took this worker for lost.
    """
    tuner.oracle = Chief(tuner, heartbeat, _no_chief(role, heartbeat.timeout))
    tuner.search(*data, **arguments)


def _no_chief(role: Role, timeout: float) -> str:
    return (
        f"'{role.name}' had no answer from a chief at {role.address} within {timeout:g} s. Start "
        "one process with 'chief' in its KERASTUNER_TUNER_ID, with the same KERASTUNER_ORACLE_IP "
        "and KERASTUNER_ORACLE_PORT (unless the search is finished: the chief ends with it)."
    )
