"""Killed at any file operation, and started again: as if nothing had been, or an error that helps.

A sample of the points in `make test`; all of them, of more works, in the soak.
"""

import os
import shutil
from collections import Counter, defaultdict

import numpy as np
import pytest
from backends import once
from backups.works import VARIANTS, of_fine_tune, of_tasks
from crash_points import CrashPoints

from kerasnorm._claims import PART
from kerasnorm.recipe import Run

pytestmark = [once, pytest.mark.usefixtures("without_tracing")]
EVERY = "KERASNORM_CRASH_POINTS" in os.environ
SAMPLE = 3
LEAST = 200  # points of each work
HELPS = ("Choose another", "begin anew", "Remove", "overwrite")
COLUMNS = ("points", "states", "as undisturbed", "refused", "lost in silence")


def works():
    for work, variants in VARIANTS.items():
        for name in variants if EVERY else [*variants][:1]:
            quick = EVERY or work in (of_fine_tune, of_tasks)
            marks = () if quick else pytest.mark.slow
            yield pytest.param(work, name, marks=marks, id=f"{work.__name__}-{name}")


def chosen(states):
    names = list(states)
    if EVERY:
        return names
    return [names[i] for i in np.linspace(0, len(names) - 1, SAMPLE).astype(int)]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A command on one device, with a small network and no figures."""
    monkeypatch.setattr("kerasnorm.cli.running._job.replicas", lambda: 1)
    monkeypatch.setattr("kerasnorm.cli.running._recipe.replicas", lambda: 1)
    monkeypatch.setattr("kerasnorm.problems._folder_problem.WIDTHS", (4, 4))
    monkeypatch.setattr(Run, "report", lambda run, path, comparison, **more: path.write_text(""))


@pytest.fixture(scope="module")
def table(request):
    """Outcomes by work, printed in the end; points of the same state count by the state."""
    rows = defaultdict(Counter)
    yield rows
    if EVERY:
        lines = [["work", *COLUMNS]]
        lines += [[name, *(str(row[column]) for column in COLUMNS)] for name, row in rows.items()]
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print("", *("\t".join(line) for line in lines), sep="\n")


@pytest.mark.parametrize(("work", "variant"), [*works()])
def test_a_kill_at_any_file_operation(work, variant, table, tmp_path):
    folder, settings = tmp_path / "work", VARIANTS[work][variant]
    folder.mkdir()
    crashes = CrashPoints(folder, tmp_path / "copies")
    with crashes():
        expected = work(folder, **settings)
    row = table[work.__name__]
    row.update({"points": crashes.count, "states": len(crashes.states)})
    lost = []
    for name in chosen(crashes.states):
        shutil.rmtree(folder)
        shutil.copytree(crashes.states[name], folder, symlinks=True)
        try:
            found = work(folder, **settings)
        except (ValueError, FileExistsError) as error:
            assert any(words in str(error) for words in HELPS), f"{name}: {error}"
            row["refused"] += 1
            continue
        if why := difference(found, expected, folder):
            lost.append(f"{name}: {why}")
            row["lost in silence"] += 1
        else:
            row["as undisturbed"] += 1
    assert not lost, "\n".join(lost)
    assert row["refused"] <= row["as undisturbed"]


def difference(found, expected, folder):
    """Returns how a work ended otherwise than one that nobody disturbed, or None."""
    pairs = zip(found["weights"], expected["weights"], strict=True)
    if not all(np.array_equal(*pair) for pair in pairs):
        return "other weights"
    if found["history"] != expected["history"]:
        return f"{found['history']} instead of {expected['history']}"
    left = [path.name for path in folder.rglob("*") if path.name.startswith(PART)]
    return f"left {left}" if left else None


@pytest.mark.skipif(not EVERY, reason="of the soak")
@pytest.mark.parametrize("work", [*VARIANTS], ids=lambda work: work.__name__)
def test_there_are_enough_points(work, table):
    assert table[work.__name__]["points"] >= LEAST
