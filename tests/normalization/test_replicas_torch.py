"""Synchronised batch normalization on the ranks of torch.distributed, an empty one included."""

import os
import subprocess
import sys

import keras
import numpy as np
import oracle
import pytest

if keras.config.backend() != "torch":
    pytest.skip("torch.distributed", allow_module_level=True)

SCRIPT = """
import sys, numpy as np, torch, torch.distributed as dist
rank, sizes, rendezvous = int(sys.argv[1]), eval(sys.argv[2]), sys.argv[3]
from kerasnorm.normalization import BatchNormalization, SyncBatchNormalization
store = f"file://{rendezvous}"
dist.init_process_group("gloo", init_method=store, rank=rank, world_size=len(sizes))
data = np.load("data.npz")
part = slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))
x = torch.tensor(data["x"][part], requires_grad=True)
layer, alone = SyncBatchNormalization(momentum=0.9), BatchNormalization(momentum=0.9)
y = layer(x, training=True)
(y * torch.tensor(data["weights"][part])).sum().backward()
alone(x.detach(), training=True)
np.savez(f"rank{rank}.npz", y=y.detach(), dx=x.grad, mean=layer.moving_mean.numpy(),
         variance=layer.moving_variance.numpy(), alone=alone.moving_mean.numpy())
dist.destroy_process_group()
"""


@pytest.mark.parametrize("sizes", [(4, 1), (4, 0), (3, 3)], ids=str)
def test_synchronized_is_batch_norm_of_the_whole_batch(rng, tmp_path, sizes):
    x = (rng.normal(size=(sum(sizes), 4, 3, 5)) + 1000).astype("float32")
    weights = rng.normal(size=x.shape).astype("float32")
    np.savez(tmp_path / "data.npz", x=x, weights=weights)
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(rank), str(sizes), str(tmp_path / "rendezvous")],
            cwd=tmp_path,
            env=environment,
        )
        for rank in range(len(sizes))
    ]
    try:
        assert [rank.wait(timeout=120) for rank in ranks] == [0] * len(sizes)
    finally:
        for rank in ranks:
            rank.kill()
    results = [np.load(tmp_path / f"rank{rank}.npz") for rank in range(len(sizes))]
    y, dx = (np.concatenate([result[name] for result in results]) for name in ("y", "dx"))
    axes = (0, 1, 2)
    mean, variance, _ = oracle.statistics(x, axes)
    np.testing.assert_allclose(y, oracle.normalize(x, axes), atol=1e-5)
    np.testing.assert_allclose(dx, oracle.input_gradient(x, weights, axes), atol=1e-4)
    for result in results:
        np.testing.assert_allclose(result["mean"], 0.1 * mean, rtol=1e-5)
        np.testing.assert_allclose(result["variance"], 0.9 + 0.1 * variance, rtol=1e-5)
        np.testing.assert_allclose(result["alone"], 0.1 * mean, rtol=1e-5)
