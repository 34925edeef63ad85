"""Every tutorial runs from top to bottom, in its fast mode."""

import os

import keras
import pytest
from guides.markdown import TUTORIALS
from processes import run_in_a_new_process

RUN = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"


@pytest.mark.tutorial
@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="told on one backend")
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_runs(path):
    run_in_a_new_process(RUN, path, env={**os.environ, "KERASNORM_FAST": "1", "MPLBACKEND": "Agg"})
