import gc

import pytest


@pytest.fixture(autouse=True, scope="package")
def _quick_collections():
    """keras-tuner collects garbage twice a trial, which takes longer than ours train."""
    gc.freeze()
    yield
    gc.unfreeze()
