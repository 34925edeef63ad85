"""Searches of keras-tuner's chief and workers, processes of this machine."""

import signal
import socket
import time

import pytest
from backends import once
from processes import free_ports
from tuning.searchers import DEADLINE, TIMEOUT, found_by, listening, searchers
from tuning.tuning_models import Trainings, hypermodel, quick_search

from kerasnorm.backups import read_state

pytestmark = [once, pytest.mark.distributed, pytest.mark.usefixtures("without_tracing")]


def test_a_killed_worker_does_not_hang_the_chief(tmp_path):
    """keras-tuner's own chief would wait for its trial forever."""
    with searchers(tmp_path, "keras_tuner", 4, free_ports(1)[0]) as processes:
        chief = processes.start("chief")
        survivor = processes.start("worker0", act="wait")
        victim = processes.start("worker1", act="die")
        processes.go()
        assert victim.wait(DEADLINE) == -signal.SIGKILL
        rows, best = found_by(chief)
        told = [(row["number"], row["status"]) for row in rows]
        assert told == [(number, "completed") for number in range(4)]
        assert best == max(rows, key=lambda row: row["score"])["recipe"]
        assert found_by(survivor) == [rows, best]


@pytest.fixture
def port(monkeypatch):
    """The chief's, with this process as its worker."""
    port = free_ports(1)[0]
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(port))
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker0")
    return port


class KillInTheSecond(Trainings):
    """Kills a process in the second training."""

    def __init__(self, process):
        super().__init__()
        self.process = process

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if len(self.begun) == 2:
            self.process.kill()
            self.process.wait()


class FailInTheFirst(Trainings):
    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if len(self.begun) == 1:
            raise TypeError("no such training")


def finished(folder):
    """The trials that are."""
    trials = read_state(folder / "trials.npz")["state"]["trials"]
    return {each["trial_id"]: each for each in trials if each["status"] == "COMPLETED"}


def test_a_search_that_lost_its_chief_and_then_its_workers_goes_on(port, tmp_path, monkeypatch):
    shared = {"distributed": "keras_tuner", "max_trials": 4, "timeout": TIMEOUT}
    shared["directory"] = tmp_path
    with searchers(tmp_path, "keras_tuner", 4, port) as processes:
        model = hypermodel(callbacks=[KillInTheSecond(processes.start("chief"))])
        processes.go()
        listening(port)
        with pytest.raises(RuntimeError, match=f"no answer from a chief at 127.0.0.1:{port}"):
            quick_search(model, **shared)
        first = finished(tmp_path)
        assert len(first) == 1

        victim = processes.start("worker0", act="die")
        processes.go()
        monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
        with pytest.raises(RuntimeError, match=r"1 of 4 trials are finished.* start the chief"):
            quick_search(**shared)
        assert victim.wait(DEADLINE) == -signal.SIGKILL

        chief = processes.start("another-chief")
        processes.go()
        listening(port)
        monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker0")
        with pytest.raises(ValueError, match=r"study is not in .*'. All processes should have"):
            quick_search(**{**shared, "directory": tmp_path / "elsewhere"})
        with pytest.raises(ValueError, match=r"began with epochs=1\. Received: epochs=2"):
            quick_search(**{**shared, "epochs": 2})
        found = quick_search(hypermodel(callbacks=[FailInTheFirst()]), **shared)
        rows, best = found_by(chief)
        failed = [row["message"] for row in rows if row["status"] == "failed"]
        assert len(rows) == 4 and failed == ["TypeError: no such training"]
        assert [row["score"] for row in found.trials] == [row["score"] for row in rows]
        assert [row["message"] for row in found.trials] == [row["message"] for row in rows]
        assert found.best_recipe.to_json() == best
        assert first.items() <= finished(tmp_path).items()


def test_a_worker_without_a_chief(port, tmp_path):
    began = time.time()
    with pytest.raises(RuntimeError, match=f"'worker0' had no answer.*127.0.0.1:{port}"):
        quick_search(directory=tmp_path, distributed="keras_tuner", timeout=1)
    assert time.time() - began < 5 and not [*tmp_path.iterdir()]


def test_a_chief_without_workers(port, tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    began = time.time()
    with pytest.raises(RuntimeError, match="0 of 3 trials are finished"):
        quick_search(directory=tmp_path, distributed="keras_tuner", timeout=1)
    assert time.time() - began < 5


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_a_chief_that_cannot_listen(host, port, tmp_path, monkeypatch):
    """A port in use, which gRPC would share; an address of another machine."""
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", host)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # as another chief's
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(ValueError, match=r"cannot listen on .* in use"):
            quick_search(directory=tmp_path, distributed="keras_tuner", timeout=1)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("KERASTUNER_TUNER_ID", None, "lacks 'KERASTUNER_TUNER_ID'"),
        ("KERASTUNER_ORACLE_IP", "", "lacks 'KERASTUNER_ORACLE_IP'"),
        ("KERASTUNER_ORACLE_PORT", None, "lacks 'KERASTUNER_ORACLE_PORT'"),
        ("KERASTUNER_ORACLE_PORT", "http", "should be a port.* Received: 'http'"),
        ("KERASTUNER_ORACLE_PORT", "65536", "should be a port"),
        ("KERASTUNER_TUNER_ID", "a/b", "names a file"),
    ],
)
def test_variables_that_make_no_sense(variable, value, message, port, tmp_path, monkeypatch):
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=message):
        quick_search(directory=tmp_path, distributed="keras_tuner")


def test_alone_where_keras_tuner_would_share(port, tmp_path):
    with pytest.raises(ValueError, match="distributed='keras_tuner', or unset"):
        quick_search(directory=tmp_path)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"distributed": "ray"}, "`distributed` should be one of None, 'keras_tuner', 'optuna'"),
        ({"distributed": "keras_tuner"}, "needs a `directory`"),
        ({"timeout": 0}, "`timeout`"),
    ],
    ids=["what", "where", "when"],
)
def test_wrong_input_is_refused(kwargs, message, port):
    with pytest.raises(ValueError, match=message):
        quick_search(hypermodel(), **kwargs)
