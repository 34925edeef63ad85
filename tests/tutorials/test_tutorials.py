"""Every tutorial runs from top to bottom, in its fast mode."""

import os

import pytest
from backends import once
from guides.markdown import TUTORIALS
from processes import run_in_a_new_process

RUN = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"


@pytest.mark.tutorial
@once
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_runs(path):
    run_in_a_new_process(RUN, path, env={**os.environ, "KERASNORM_FAST": "1", "MPLBACKEND": "Agg"})
