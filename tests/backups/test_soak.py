"""Fifty trainings killed at random moments: they end as if none had been. A disk that is full."""

import json
import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from backends import once
from processes import SUPPORT, start

pytestmark = [once, pytest.mark.slow]
KILLS = int(os.environ.get("KERASNORM_KILLS", 50))

JOB = """
import hashlib, json, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import keras, tensorflow as tf
tf.config.run_functions_eagerly(True)
from recipe.recipe_models import perceptron, points
from kerasnorm.recipe import Recipe, fit
folder = Path(sys.argv[1])
keras.utils.set_random_seed(3)
model, stop = perceptron(3), keras.callbacks.EarlyStopping("loss", patience=20)
print("begins", flush=True)
run = fit(
    Recipe(transfer_settings={"head_epochs": 2}), model, points(), points(seed=1), 12,
    folder / "run", 0, seed=1, jit_compile=False, overwrite=True, callbacks=[stop],
    backup_dir=folder / "backup",
)
weights = b"".join(weight.tobytes() for weight in run.model.get_weights())
print(json.dumps([hashlib.sha256(weights).hexdigest(), run.history]), flush=True)
"""


def begin(folder):
    job = start(JOB, folder, SUPPORT, TF_CPP_MIN_LOG_LEVEL="3")
    assert job.stdout.readline() == "begins\n", job.stderr.read()[-2000:]
    return job, time.monotonic()


def test_kills_at_random_moments(tmp_path):
    job, began = begin(tmp_path / "whole")
    expected = json.loads(job.communicate(timeout=300)[0])
    seconds, dice, kills, ends = time.monotonic() - began, random.Random(), 0, 0
    while kills < KILLS or ends == 0:
        folder = tmp_path / f"job{ends}"
        job, _ = begin(folder)
        try:
            out, said = job.communicate(timeout=dice.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            job.send_signal(signal.SIGKILL)
            job.communicate()
            kills += 1
            print(f"kill {kills}", flush=True)
            continue
        assert job.returncode == 0, said[-3000:]
        assert json.loads(out) == expected
        assert sorted(path.name for path in folder.iterdir()) == ["run"]
        ends += 1
        print(f"end {ends}", flush=True)
    print(f"{kills} kills, {ends} ends, all equal")


@pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="mounts a disk")
def test_a_full_disk(tmp_path):
    """What was written is whole, and with more room the training is resumed."""
    disk, expected = tmp_path / "disk", None
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", disk], check=True)
    except subprocess.CalledProcessError:
        pytest.skip("this machine mounts no disks")
    try:
        job, _ = begin(disk)
        _, said = job.communicate(timeout=300)
        assert job.returncode == 1 and "No space left on device" in said
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        job, _ = begin(disk)
        out, said = job.communicate(timeout=300)
        assert job.returncode == 0, said[-3000:]
        job, _ = begin(tmp_path / "whole")
        expected = json.loads(job.communicate(timeout=300)[0])
        assert json.loads(out) == expected
    finally:
        subprocess.run(["umount", disk], check=True)
