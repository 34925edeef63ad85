"""Commands train small networks on one device here, though the tests have made several."""

import pytest
from tuning.quick import quick_collections  # noqa: F401

from kerasnorm.recipe import Run


@pytest.fixture(autouse=True)
def _one_device(monkeypatch):
    monkeypatch.setattr("kerasnorm.cli.running._job.replicas", lambda: 1)
    monkeypatch.setattr("kerasnorm.cli.running._recipe.replicas", lambda: 1)


@pytest.fixture(autouse=True)
def _small_networks(monkeypatch):
    """What a folder trains without a backbone."""
    monkeypatch.setattr("kerasnorm.problems._folder_problem.WIDTHS", (4, 4))


@pytest.fixture
def without_report(monkeypatch):
    """An empty page in place of one whose figures take longer than a training here."""
    monkeypatch.setattr(Run, "report", lambda run, path, comparison, **_: path.write_text(""))
