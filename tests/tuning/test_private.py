"""What is used of keras-tuner beyond what it shows: these fail when it moves."""

import inspect
import re

import keras_tuner
import pytest
from backends import once
from keras_tuner.src import protos
from keras_tuner.src.distribute import oracle_chief, oracle_client

from kerasnorm.tuning import _keras_tuner as private

pytestmark = [once, pytest.mark.keras_fault]

CALLS = {"GetSpace", "UpdateSpace", "CreateTrial", "UpdateTrial", "EndTrial", "GetTrial"}
CALLS |= {"GetBestTrials"}


def test_the_version_is_known(monkeypatch):
    private.check_version()
    monkeypatch.setattr(keras_tuner, "__version__", "2.0.0")
    with pytest.raises(ValueError, match=r"works with keras-tuner 1\.4\. Received: 2\.0\.0"):
        private.check_version()


def test_the_calls_are_those_known():
    servicer = protos.get_service_grpc().OracleServicer
    assert {name for name in vars(servicer) if name[0] != "_"} == CALLS
    assert {name for name in vars(oracle_chief.OracleServicer) if name[0] != "_"} == CALLS
    client = {name for name in vars(oracle_client.OracleClient) if name[0] != "_"}
    asked = {"create_trial", "get_trial", "update_trial", "end_trial"}  # by a worker's search
    assert client - asked == {"get_space", "update_space", "get_best_trials"}


def test_the_client_waits_for_answers_by_an_argument_of_its_calls(monkeypatch):
    for name in ("IP", "PORT"):
        monkeypatch.setenv(f"KERASTUNER_ORACLE_{name}", "1")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker0")
    assert {*vars(oracle_client.OracleClient(None).stub)} == CALLS
    source = inspect.getsource(oracle_client.OracleClient)
    assert source.count("self.stub.") == source.count("timeout=TIMEOUT,") == len(CALLS)


def test_the_oracle_keeps_its_trials_as_known():
    oracle = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("loss", "min"))
    assert oracle._run_times["0"] == 0 and oracle._retry_queue == []
    assert oracle.ongoing_trials == {} and oracle.tuner_ids == set()
    assert "self._retry_queue.append(trial.trial_id)" in inspect.getsource(oracle.reload)

    assert "self._retry_queue.pop()" in inspect.getsource(keras_tuner.Oracle)


def test_a_tuner_writes_as_known():
    """All that `save_by` replaces by one file."""
    source = inspect.getsource(keras_tuner.Oracle)
    saved = re.findall(r"self\._save_trial\(trial\)\n\s*self\.(\w+)", source)
    assert saved == ["save", "save"] and source.count("self._save_trial(") == 3
    assert source.count("save_json") == 0 and source.count("super().save(") == 1
    oracle = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("loss", "min"))
    assert {"ongoing_trials", "retry_queue", "end_order"} <= oracle.get_state().keys()
