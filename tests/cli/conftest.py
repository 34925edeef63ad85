"""Commands train on one device here, though the tests have made several."""

import pytest


@pytest.fixture(autouse=True)
def _one_device(monkeypatch):
    monkeypatch.setattr("kerasnorm.cli.running._job.replicas", lambda: 1)
    monkeypatch.setattr("kerasnorm.cli.running._fit.replicas", lambda: 1)
