# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Deployment: train, fold, quantize, run
#
# A ConvNet for a phone: trained on scikit-learn's digits with batch and with group normalization,
# exported to LiteRT in float32, float16 and int8, run and compared: agreement, file size, time per
# image. The command is `kerasnorm export run --to litert`. A minute on two cores.
# On Colab: `pip install "kerasnorm[vision] @ git+https://github.com/kerasnorm/kerasnorm"`.

# %%
import logging
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasnorm as kn

logging.getLogger("tensorflow").setLevel(logging.ERROR)
FAST = bool(os.environ.get("KERASNORM_FAST"))  # seconds, not minutes; its figures mean nothing
EPOCHS = 1 if FAST else 12
folder = Path(tempfile.mkdtemp())

# %% [markdown]
# ## Train
#
# The images are enlarged to 32 pixels and to values from 0 to 255, as a camera gives them.

# %%
digits = load_digits()
images = np.kron(digits.images, np.ones((4, 4)))[..., None].astype("float32") * 255 / 16
x, x_test, y, y_test = train_test_split(
    images, digits.target, random_state=0, stratify=digits.target
)


def convnet(normalization):
    """Returns a ConvNet of 0…255 pixels; its norms are of that kind."""
    keras.utils.set_random_seed(0)
    blocks = [
        kn.ConvNormActivation(width, 3, normalization=normalization, pool="max")
        for width in (16, 32, 64)
    ]
    head = [layers.GlobalAveragePooling2D(), layers.Dense(10)]
    return keras.Sequential([keras.Input((32, 32, 1)), layers.Rescaling(1 / 255), *blocks, *head])


recipe = kn.Recipe(transfer="scratch")
runs = {
    name: kn.fit(recipe, convnet(name), (x, y), (x_test, y_test), epochs=EPOCHS, verbose=0, seed=0)
    for name in ("batch", "group")
}
for name, run in runs.items():
    print(f"{name}: balanced accuracy {100 * run.evaluation.balanced_accuracy:.1f} %")

# %% [markdown]
# ## Fold, quantize, run
#
# `export` folds batch normalization into the convolutions, converts, and runs the file on the
# images that it is given: for int8 they also show the ranges of values, so give it images like
# those to come. It raises an error rather than leave a float file that answers otherwise.

# %%
for name, run in runs.items():
    for quantize in (None, "float16", "int8"):
        path = folder / f"{name}_{quantize}.tflite"
        found = run.export(path, "litert", quantize, verify=x[:100])
        print(
            f"{name:6} {quantize or 'float32':8} {found.size / 1000:6.1f} kB  "
            f"{found.milliseconds:5.2f} ms an image  same class {100 * found.agreement:5.1f} %  "
            f"largest difference {found.difference:.1e}"
        )

# %% [markdown]
# ## What counts: the accuracy of the file
#
# The interpreter is what runs on the phone. Here it reads the test images, which it was not
# calibrated on.

# %%
import tensorflow as tf  # noqa: E402


def answers(path):
    """Returns the classes that the file gives the test images."""
    interpreter = tf.lite.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()
    classes = []
    for image in x_test:
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        classes.append(interpreter.get_tensor(found["index"]).argmax())
    return np.array(classes)


for path in sorted(folder.glob("*.tflite")):
    print(f"{path.stem:14} accuracy {100 * (answers(path) == y_test).mean():.1f} %")

# %% [markdown]
# The float32 and float16 files answer as Keras does, and int8 costs half a point to a point. After
# this short training group normalization is the more accurate of the two; batch normalization is
# the quicker, since folding takes it out of the file: half the time of an image in float32, and a
# tenth in int8, where the operations of group normalization gain nothing from the narrow numbers.
