"""torch: DistributedDataParallel around a Keras model."""

import json

import keras
import numpy as np
import pytest

if keras.config.backend() != "torch":
    pytest.skip("torch.distributed", allow_module_level=True)

import torch
from distribute.cases import data, difference, torch_loss, torch_model
from distribute.workers import noted, run

from kerasnorm.distribute import current_strategy


@pytest.mark.distributed
def test_two_ranks_train_as_one(tmp_path):
    """Synchronised statistics of 3 and 1 examples, the same on both ranks."""
    run(2, "ranks", tmp_path, KERAS_BACKEND="torch", OMP_NUM_THREADS="1")
    x, y = (array[:4] for array in data())
    model = torch_model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(2):
        loss = torch_loss(model(torch.tensor(x), training=True), y) / 4
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    (first, _), (second, _) = (noted(tmp_path, "ranks", index) for index in (0, 1))
    assert difference(first, second) == 0
    assert difference(first, model.get_weights()) < 1e-5
    assert np.abs(model.layers[1].moving_mean.numpy()).max() > 0


def test_a_job_of_several_is_started_otherwise(monkeypatch):
    config = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with pytest.raises(ValueError, match=r"torchrun.*DistributedDataParallel"):
        current_strategy()
