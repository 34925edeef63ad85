"""Steps by the thousand leave nothing in memory, and seeds decide all there is to decide."""

import os
import pathlib

import keras
import pytest
from processes import SUPPORT, run_in_a_new_process

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="told on one backend"
)


def words_of(job, **variables):
    """Returns what a job of `long_jobs.py` prints."""
    code = f"import sys; sys.path.insert(0, {str(SUPPORT)!r}); import long_jobs; long_jobs.{job}()"
    return run_in_a_new_process(code, env={**os.environ, **variables}).split()


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="read from Linux' /proc")
@pytest.mark.parametrize("job", ["memory_of_fit", "memory_of_calls"])
def test_a_thousand_steps_leave_nothing_in_memory(job):
    before, after = map(float, words_of(job)[-2:])
    assert after - before < 16


@pytest.mark.distributed  # two processes of a quarter of a minute
def test_the_same_seed_gives_the_same_weights_in_every_process():
    """Whatever the order of Python's sets, which PYTHONHASHSEED decides."""
    first, second = (words_of("weights_of_recipes", PYTHONHASHSEED=seed) for seed in "12")
    assert len(first) == 3 and first == second
