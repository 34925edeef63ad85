"""Several processes: exact, whole, and none that waits without end."""

import json
import re
import socket
import subprocess

import keras
import numpy as np
import pytest
from processes import free_ports, start

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

from distribute.cases import BATCH, CLASSES, alone, data, difference
from distribute.workers import begin, end, noted, run

pytestmark = pytest.mark.distributed
NAMES = ["clipped", "layerwise", "scaled", "masked", "ignored", "class weights", "by weights"]


@pytest.mark.parametrize(("count", "names"), [(2, NAMES), (3, NAMES[:2])])
def test_weights_and_logs_are_those_of_one_process(tmp_path, count, names):
    run(count, "exact", tmp_path, *names)
    for name in names:
        model, expected = alone(name)
        for index in range(count):
            weights, logs = noted(tmp_path, name, index)
            assert difference(weights, model.get_weights()) < 1e-5, name
            for key, values in expected.items():
                np.testing.assert_allclose(logs[key], values, atol=1e-5, err_msg=f"{name} {key}")


def test_capabilities(tmp_path):
    """Validation, evaluation, prediction, resampling: the same on both; the chief saves."""
    run(2, "capabilities", tmp_path)
    (weights, logs), (others, other_logs) = (noted(tmp_path, "capabilities", i) for i in (0, 1))
    assert difference(weights, others) == 0
    assert logs.keys() == other_logs.keys()
    for key, values in logs.items():
        np.testing.assert_array_equal(values, other_logs[key], err_msg=key)
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert difference(model.get_weights(), weights) == 0
    x, y = data()
    assert logs["predicted"].shape == (len(x), CLASSES)
    assert {"val_loss", "test accuracy", "resampled loss"} <= logs.keys()
    assert [bool(np.load(tmp_path / f"wrote-{i}.npz")["chief"]) for i in (0, 1)] == [True, False]
    assert np.isfinite(model.evaluate(x, y, BATCH, 0, return_dict=True)["loss"])


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_is_named_and_the_job_goes_on(tmp_path, victim):
    """Five steps an epoch, killed in the third epoch."""
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    for each in (whole, folder):
        each.mkdir()
    run(2, "interrupted", whole, 0, "none", 4)
    ended = end(begin(2, "interrupted", folder, 13, victim, 4), 90)
    assert ended[victim][0] == -9
    status, said = ended[1 - victim]
    name = "The chief" if victim == 0 else "Worker 1"
    assert status == 1
    assert f"ConnectionError: {name} has ended" in said
    assert {path.name for path in folder.glob("backup/*/*")} >= {"epoch-000001.npz"}
    run(2, "interrupted", folder, 0, "none", 4)
    (expected, _), (found, logs) = (noted(each, "interrupted") for each in (whole, folder))
    assert difference(found, expected) == 0
    assert len(logs["loss"]) == 2
    assert not (folder / "backup").exists()


def write_images(folder):
    """Writes 40 images of two classes."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(20):
            keras.utils.save_img(folder / name / f"{i}.png", rng.random((16, 16, 3)) * 255)
    return folder


def test_the_command_on_every_machine(tmp_path):
    """Only the chief writes and prints; what it writes is what one process does."""
    photos = write_images(tmp_path / "photos")
    words = ["fit", photos, "--epochs", "2", "--image-size", "16", "--normalization", "group"]
    words += ["--transfer", "scratch", "--out", "OUT"]
    ended = end(begin(2, "command", tmp_path, *words))
    assert [status for status, _ in ended] == [0, 0], ended
    assert (tmp_path / "out0/report.html").exists()
    assert not (tmp_path / "out1").exists()
    run(1, "command", tmp_path / "alone", *words)
    found, expected = (
        keras.saving.load_model(path / "out0/model.keras").get_weights()
        for path in (tmp_path, tmp_path / "alone")
    )
    assert difference(found, expected) < 1e-4


@pytest.mark.parametrize("reason", ["in use", "never comes", "servers"])
def test_what_cannot_begin_says_why_in_time(tmp_path, reason):
    """A port in use, a worker that never comes, parameter servers: one line each."""
    (port,) = free_ports(1)
    cluster = {"worker": [f"127.0.0.1:{port}", "127.0.0.1:1"]}
    if reason == "servers":
        cluster["ps"] = ["127.0.0.1:2"]
    config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})
    with socket.socket() as other:
        if reason == "in use":
            other.bind(("", port))
            other.listen()
        process = start(
            "from kerasnorm.distribute import current_strategy; current_strategy(timeout=2)",
            TF_CONFIG=config,
        )
        try:
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    expected = {
        "in use": f"ConnectionError: This worker cannot listen .*:{port}",
        "never comes": "ConnectionError: Waited 2 s for worker 1 at '127.0.0.1:1'",
        "servers": "ValueError: TF_CONFIG names parameter servers",
    }
    assert process.returncode == 1
    assert re.search(expected[reason], said), said[-2000:]


def test_a_full_disk_ends_all_workers_and_loses_nothing(tmp_path):
    """The second worker's folder is a disk of 40 kB: its second backup finds no place there."""
    disk = tmp_path / "backup/worker-1"
    disk.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        (disk / "other").write_bytes(bytes(20_000))
        first, second = end(begin(2, "interrupted", tmp_path, 0, "none", 4), 90)
        assert re.search(
            "OSError: The backup of epoch . cannot be written to .*No space", second[1]
        )
        assert "ConnectionError: Worker 1 has ended" in first[1]
        assert list(disk.glob("epoch-*"))
        (disk / "other").unlink()
        assert not list(disk.glob("part*"))
    finally:
        subprocess.run(["umount", disk], check=True)
    run(2, "interrupted", tmp_path, 0, "none", 4)
    whole = tmp_path / "whole"
    whole.mkdir()
    run(2, "interrupted", whole, 0, "none", 4)
    (found, _), (expected, _) = (noted(each, "interrupted") for each in (tmp_path, whole))
    assert difference(found, expected) == 0
