"""Files of every layer load in a new process, where `import kerasnorm` is all that is known."""

import conformance
import keras
import numpy as np
from keras import layers
from processes import run_in_a_new_process

from kerasnorm import normalization as kn

READ = """
import pathlib, sys
import keras, numpy as np, kerasnorm
for path in pathlib.Path(sys.argv[1]).glob("*.keras"):
    model = keras.saving.load_model(path)
    y = model(np.load(path.with_suffix(".npy")))
    np.save(path.with_suffix(".again.npy"), keras.ops.convert_to_numpy(y))
"""


def every_row():
    inputs = outputs = keras.Input((5, 4, conformance.CHANNELS))
    for row in conformance.ROWS.values():
        outputs = row()(outputs)
    return keras.Model(inputs, kn.ConvNormActivation(4, 3, pool="max")(outputs))


def every_wrapper():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            kn.WeightStandardization(layers.Conv2D(4, 3), epsilon=1e-6),
            kn.SpectralNormalization(layers.SeparableConv2D(5, 3), power_iterations=3),
            kn.TLU(),
            layers.Reshape((-1, 5)),
            kn.SpectralNormalization(layers.LSTM(4)),
            kn.WeightNormalization(layers.Dense(2)),
        ]
    )
    model.compile("sgd", "mse", run_eagerly=True)
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
    model.train_on_batch(x, np.ones((4, 2)))
    return model


def every_cell():
    cells = [kn.LayerNormLSTMCell(4), kn.LayerNormGRUCell(3)]
    return keras.Sequential([keras.Input((4, 3)), layers.RNN(cells)])


def test_loaded_in_a_new_process(tmp_path):
    expected = {}
    for make in (every_row, every_wrapper, every_cell):
        model = make()
        model.save(tmp_path / f"{make.__name__}.keras")
        x = np.random.default_rng(1).normal(size=(2, *model.input_shape[1:])).astype("float32")
        np.save(tmp_path / f"{make.__name__}.npy", x)
        expected[make.__name__] = keras.ops.convert_to_numpy(model(x))
    run_in_a_new_process(READ, tmp_path)
    for name, y in expected.items():
        again = np.load(tmp_path / f"{name}.again.npy")
        np.testing.assert_allclose(again, y, rtol=1e-5, atol=1e-6, err_msg=name)
