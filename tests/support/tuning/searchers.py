"""Processes that make the same search together, some of which are killed in it."""

import contextlib
import json
import socket
import time

from processes import SUPPORT, start

TIMEOUT = 4  # of the searches
DEADLINE = 180  # for what ends by itself, on a machine that others use, too

CODE = """
import json, os, signal, sys, time
from pathlib import Path

tests, folder, distributed, trials = sys.argv[1:5]
sys.path.insert(0, tests)
import keras
from tuning.searchers import TIMEOUT, listening
from tuning.tuning_models import hypermodel, quick_search

killed, go = Path(folder, "killed"), Path(folder, "go")


class Act(keras.callbacks.Callback):
    trainings = 0

    def on_train_begin(self, logs=None):
        Act.trainings += 1
        if os.environ["ACT"] == "die":
            killed.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        while os.environ["ACT"] == "wait" and Act.trainings == 2 and not killed.exists():
            time.sleep(0.05)


Path(folder, f"ready-{os.getpid()}").touch()
while not go.exists():
    time.sleep(0.05)
if distributed == "keras_tuner" and "chief" not in os.environ["KERASTUNER_TUNER_ID"]:
    listening(int(os.environ["KERASTUNER_ORACLE_PORT"]))
found = quick_search(
    hypermodel(callbacks=[Act()]),
    directory=folder,
    distributed=distributed,
    max_trials=int(trials),
    timeout=TIMEOUT,
)
rows = [{**row, "recipe": row["recipe"].to_json()} for row in found.trials]
print("FOUND", json.dumps([rows, found.best_recipe.to_json()]))
"""


def listening(port):
    """Waits until somebody listens, which may take one as long as importing TensorFlow."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens at {port}")


class Searchers:
    """Starts processes that search in one folder."""

    def __init__(self, folder, distributed, trials, port=0):
        self._folder = folder
        self._arguments = (SUPPORT, folder, distributed, trials)
        self._port = str(port)
        self._started = []

    def start(self, name, act=""):
        """Starts one; it may "die" in its first training, or "wait" for that in its second."""
        variables = {"KERASTUNER_TUNER_ID": name, "KERASTUNER_ORACLE_IP": "127.0.0.1"}
        variables |= {"KERASTUNER_ORACLE_PORT": self._port, "ACT": act}
        self._started.append(start(CODE, *self._arguments, **variables))
        return self._started[-1]

    def go(self):
        """Lets all begin their searches, once importing is done: that may take one longer."""
        deadline = time.monotonic() + DEADLINE
        ready = [self._folder / f"ready-{process.pid}" for process in self._started]
        while not all(path.exists() for path in ready) and time.monotonic() < deadline:
            time.sleep(0.05)
        (self._folder / "go").touch()

    def end(self):
        for process in self._started:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def searchers(*arguments):
    """Yields `Searchers`, all of whose processes are killed in the end."""
    made = Searchers(*arguments)
    try:
        yield made
    finally:
        made.end()


def found_by(process, deadline=DEADLINE):
    """Returns the rows that a process found, and the best recipe."""
    out, err = process.communicate(timeout=deadline)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out.split("FOUND")[1])
