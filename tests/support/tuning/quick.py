"""A fixture for folders whose tests search."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="package")
def quick_collections():
    """keras-tuner collects garbage twice a trial, which takes longer than ours train."""
    gc.freeze()
    yield
    gc.unfreeze()
