"""Steps by the thousand leave nothing in memory, and seeds decide all there is to decide."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest

HERE = pathlib.Path(__file__).parent
pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="told on one backend"
)


def lines_of(job, **variables):
    command = [sys.executable, HERE / "long_jobs.py", job]
    env = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.split()


@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="read from Linux' /proc")
@pytest.mark.parametrize("job", ["memory_of_fit", "memory_of_calls"])
def test_a_thousand_steps_leave_nothing_in_memory(job):
    before, after = map(float, lines_of(job)[-2:])
    assert after - before < 16


def test_the_same_seed_gives_the_same_weights_in_every_process():
    """Whatever the order of Python's sets, which PYTHONHASHSEED decides."""
    first, second = (lines_of("weights_of_recipes", PYTHONHASHSEED=seed) for seed in "12")
    assert len(first) == 3 and first == second
