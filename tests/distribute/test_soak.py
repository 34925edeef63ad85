"""Twenty workers killed at random steps: training ends as if none had been."""

import keras
import numpy as np
import pytest

if keras.config.backend() != "tensorflow":
    pytest.skip("tf.distribute is TensorFlow's", allow_module_level=True)

from distribute.cases import difference
from distribute.workers import begin, end, noted, run

EPOCHS, STEPS, KILLS = 4, 5, 20


@pytest.mark.slow
def test_random_kills(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    run(2, "interrupted", whole, 0, "none", EPOCHS)
    expected, _ = noted(whole, "interrupted")
    rng = np.random.default_rng()
    kills = 0
    while kills < KILLS:
        folder = tmp_path / f"job{kills}"
        folder.mkdir()
        while True:
            victim, step = int(rng.integers(2)), int(rng.integers(1, EPOCHS * STEPS + 1))
            ended = end(begin(2, "interrupted", folder, step, victim, EPOCHS), 120)
            if [status for status, _ in ended] == [0, 0]:  # it had fewer steps left
                break
            assert ended[victim][0] == -9, ended
            assert ended[1 - victim][0] in (0, 1), ended  # it may have been at its end
            kills += 1
            print(f"kill {kills}: worker {victim} at step {step}", flush=True)
        for index in range(2):
            found, _ = noted(folder, "interrupted", index)
            assert difference(found, expected) == 0
