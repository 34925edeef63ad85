"""Code run by a new Python, as a user's next session would."""

import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

SUPPORT = Path(__file__).parent  # what a new process puts on its path to import what is here
LIMIT = 600  # seconds
# Keras takes seconds to import: new processes are forks of one that did that, and nothing else
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["keras"])


def run_in_a_new_process(code, *arguments, env=None):
    """Returns what the code prints; fails with the end of what it says if it does not succeed.

    With an environment of its own, the process also imports Keras itself.
    """
    arguments = [*map(str, arguments)]
    if env is not None:
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=env)
        status, printed, said = done.returncode, done.stdout, done.stderr
    else:
        status, printed, said = _fork(code, arguments)
    assert status == 0, f"Ended with {status}. {said[-3000:]}"
    return printed


def _fork(code, arguments):
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "stdout"), Path(folder, "stderr")
        process = FORKS.Process(target=run_code, args=(code, arguments, files))
        process.start()
        process.join(LIMIT)
        process.kill()
        process.join()
        return process.exitcode, *(file.read_text() for file in files)


def run_code(code, arguments, files):
    """Runs code in this process, which writes what it prints to two files."""
    for number, file in enumerate(files, start=1):
        with file.open("w") as target:
            os.dup2(target.fileno(), number)
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<a new process>", "exec"), {"__name__": "__main__"})


def free_ports(count):
    """Returns ports of this machine that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start(code, *arguments, **variables):
    """Starts code in a new Python, with these variables in its environment."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "XLA_FLAGS": "", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
