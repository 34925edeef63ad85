"""Several processes: exact, whole, and none that waits for another without end."""

import json
import re
import socket

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


BEGIN = """
import json, os, sys
from kerasnorm.distribute import current_strategy
*first, last = json.loads(sys.argv[1])
for cluster in first:
    os.environ["TF_CONFIG"] = cluster
    try:
        current_strategy(timeout=2)
    except (ConnectionError, ValueError) as error:
        print(f"{type(error).__name__}: {error}")
os.environ["TF_CONFIG"] = last
current_strategy(timeout=2)
"""


def test_what_cannot_begin_says_why_in_time():
    """Parameter servers, a port in use, and a worker that never comes, at which a process ends."""

    def config(port, **others):
        cluster = {"worker": [f"127.0.0.1:{port}", "127.0.0.1:1"], **others}
        return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}})

    used, free = free_ports(2)
    configs = [config(free, ps=["127.0.0.1:2"]), config(used), config(free)]
    with socket.socket() as other:
        other.bind(("", used))
        other.listen()
        process = start(BEGIN, json.dumps(configs))
        try:
            printed, said = process.communicate(timeout=60)
        finally:
            process.kill()
    servers, in_use = printed.splitlines()
    assert servers.startswith("ValueError: TF_CONFIG names parameter servers")
    assert re.match(f"ConnectionError: This worker cannot listen .*:{used}", in_use)
    assert process.returncode == 1
    assert "ConnectionError: Waited 2 s for worker 1 at '127.0.0.1:1'" in said, said[-2000:]
