"""Several processes: exact, whole, and none that waits without end."""

import keras
import numpy as np
import pytest

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

from distribute.cases import BATCH, CLASSES, alone, data, difference
from distribute.workers import begin, end, noted, run

pytestmark = pytest.mark.processes
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
    assert f"RuntimeError: {name} has ended" in said
    assert {path.name for path in folder.glob("backup/*/*")} >= {"epoch-000001.npz"}
    run(2, "interrupted", folder, 0, "none", 4)
    (expected, _), (found, logs) = (noted(each, "interrupted") for each in (whole, folder))
    assert difference(found, expected) == 0
    assert len(logs["loss"]) == 2
    assert not (folder / "backup").exists()
