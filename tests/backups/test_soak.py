"""Fifty trainings killed at random moments: they end as if none had been. A disk that is full."""

import json
import os
import random
import shutil
import subprocess
import time

import pytest
from backends import once
from processes import FORKS, SUPPORT, run_code

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


class Job:
    """The training in a process of its own, a fork of one that has imported Keras."""

    def __init__(self, folder, files):
        self._files = files / "stdout", files / "stderr"
        for file in self._files:  # of the job before
            file.unlink(missing_ok=True)
        self.process = FORKS.Process(
            target=run_code, args=(JOB, [str(folder), str(SUPPORT)], self._files)
        )
        self.process.start()
        while not (self._files[0].exists() and self.printed()) and self.process.is_alive():
            time.sleep(0.02)
        self.began = time.monotonic()

    def printed(self):
        return self._files[0].read_text().splitlines()

    def end(self):
        """Returns what the training ended with."""
        self.process.join(300)
        assert self.process.exitcode == 0, self._files[1].read_text()[-3000:]
        return json.loads(self.printed()[1])

    def said(self):
        return self._files[1].read_text()


def test_kills_at_random_moments(tmp_path):
    job = Job(tmp_path / "whole", tmp_path)
    expected = job.end()
    seconds, dice, kills, ends = time.monotonic() - job.began, random.Random(), 0, 0
    while kills < KILLS or ends == 0:
        folder = tmp_path / f"job{ends}"
        job = Job(folder, tmp_path)
        job.process.join(dice.uniform(0, seconds))
        if job.process.is_alive():
            job.process.kill()  # SIGKILL
            job.process.join()
            kills += 1
            continue
        assert job.end() == expected
        assert sorted(path.name for path in folder.iterdir()) == ["run"]
        ends += 1
        print(f"{kills} kills, {ends} ends, all equal", flush=True)


@pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="mounts a disk")
def test_a_full_disk(tmp_path):
    """What was written is whole, and with more room the training is resumed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", disk], check=True)
    except subprocess.CalledProcessError:
        pytest.skip("this machine mounts no disks")
    try:
        job = Job(disk, tmp_path)
        job.process.join(300)
        assert job.process.exitcode == 1 and "No space left on device" in job.said()
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        assert Job(disk, tmp_path).end() == Job(tmp_path / "whole", tmp_path).end()
    finally:
        subprocess.run(["umount", disk], check=True)
