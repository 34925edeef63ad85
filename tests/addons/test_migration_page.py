"""The migration page has all names of TensorFlow Addons, and is right about the focal loss."""

import inspect
import pathlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_addons as tfa

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "from_tensorflow_addons.md"
CHAPTERS = ("activations", "callbacks", "layers", "losses", "metrics", "optimizers", "rnn")
HELPERS = {"hamming_loss_fn"}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_name_is_on_the_page(chapter):
    module, text = getattr(tfa, chapter), PAGE.read_text(encoding="utf-8")
    public = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    names = {name for name, value in public.items() if not inspect.ismodule(value)} - HELPERS
    assert names and not [name for name in sorted(names) if f"`{name}`" not in text]


def test_focal_loss_is_the_sum_of_what_keras_takes_the_mean_of():
    random = np.random.default_rng(0)
    y, p = (random.random((5, 3)) < 0.4).astype("float32"), random.random((5, 3)).astype("float32")
    mean = tf.keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, reduction="none")
    np.testing.assert_allclose(
        tfa.losses.SigmoidFocalCrossEntropy()(y, p), 3 * mean(y, p), rtol=1e-5
    )
