"""Jobs of several processes on this machine."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from processes import free_ports

_JOBS = Path(__file__).with_name("jobs.py")


def begin(count, name, folder, *arguments, **variables):
    """Starts a job of `jobs.py` on that many workers and returns their processes."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(count)]
    path = os.pathsep.join([str(_JOBS.parents[1]), os.environ.get("PYTHONPATH", "")])
    begun = []
    for index in range(count):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {
            **os.environ,
            "PYTHONPATH": path,
            "TF_CONFIG": json.dumps(task),
            "XLA_FLAGS": "",
            "TF_NUM_INTRAOP_THREADS": "1",
            **variables,
        }
        command = map(str, [sys.executable, _JOBS, name, folder, index, *arguments])
        begun.append(
            subprocess.Popen([*command], env=environment, stderr=subprocess.PIPE, text=True)
        )
    return begun


def end(workers, seconds=240):
    """Waits for workers and returns the exit status and the last words of each."""
    deadline = time.monotonic() + seconds
    ended = []
    try:
        for worker in workers:
            _, said = worker.communicate(timeout=max(deadline - time.monotonic(), 0.1))
            ended.append((worker.returncode, said[-3000:]))
    finally:
        for worker in workers:
            worker.kill()  # one that hangs does not heed anything else
    return ended


def run(count, name, folder, *arguments, **variables):
    """Runs a job to its end, which has to be a good one."""
    for status, said in end(begin(count, name, folder, *arguments, **variables)):
        assert status == 0, said


def noted(folder, name, index=0):
    """Returns the weights and the logs that a worker has noted."""
    with np.load(Path(folder) / f"{name}-{index}.npz") as file:
        weights = [file[key] for key in sorted(file.files) if key.startswith("weight")]
        logs = {key.removeprefix("log "): file[key] for key in file.files if key.startswith("log ")}
    return weights, logs
