"""Files of the models in `old_models`, with what TensorFlow Addons computes of them.

`GOLDEN/<name>.zip` has all files of a model, and of those that are loaded `<name>.npz`: inputs x0,
x1, …, the outputs y of the model loaded from its file, targets t, the losses of five steps of SGD
towards them and the outputs z after those; and the SHA-256 of each file.
"""

import hashlib
import pathlib
import zipfile

import numpy as np
import tensorflow as tf
from old_models import MODELS, OWN, REFUSED, cudnn_twin, volume_last

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "migrate"
RATE, STEPS = 0.05, 5
SAVED_MODELS = ("backbone", "own", "spectral", "weight_norm")
WEIGHT_FILES = ("backbone", "group", "instance", "own", "weight_norm")
# float16 is not promised; TensorFlow's CPU has no such Conv3D, and nothing of cuDNN
UNTRAINED = ("cudnn", "mixed", "volume")


def write(name, folder):
    """Writes the files of a model and what it computes."""
    if name in REFUSED:
        model = fresh(REFUSED[name][0])
        model.save(folder / f"{name}.h5")
        model.save(folder / f"{name}.keras")
        return
    trained = fresh(MODELS[name])
    random = np.random.default_rng(0)
    x = tf.nest.map_structure(lambda tensor: draw(random, tensor), trained.input)
    targets = tf.nest.map_structure(lambda tensor: draw(random, tensor), trained.output)
    perturb(trained, random)
    if name not in UNTRAINED:
        trained(x, training=True)
        train(trained, x, targets, 2)
    weights = trained.get_weights()
    model = fresh(MODELS[name])  # compiled as its table says, not as above
    model.set_weights(weights)
    files = save(model, name, folder)
    found = {f"sha256 {file.name}": np.array(digest(file)) for file in files}
    found |= numbered("x", x)
    if name == "volume":
        found |= numbered("y", first_as_last(model)(np.moveaxis(x, 1, -1)))
    elif name == "cudnn":
        twin = cudnn_twin()
        twin.load_weights(folder / "cudnn.h5")  # which translates them
        found |= numbered("y", twin(x))
    else:
        # Keras 2 cannot load all the .h5 files that it saves
        model = tf.keras.models.load_model(
            folder / f"{name}.keras", compile=False, custom_objects=OWN
        )
        found |= numbered("y", model(x)) | numbered("t", targets)
    if name not in UNTRAINED:
        found["losses"] = train(model, x, targets, STEPS)
        found |= numbered("z", model(x))
    np.savez_compressed(folder / f"{name}.npz", **found)


def fresh(make):
    """Returns a new model, the same in every run."""
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(1)
    return make()


def draw(random, tensor):
    """Returns a batch of 4 for a symbolic tensor."""
    shape = (4, *(size or 6 for size in tensor.shape[1:]))
    if tensor.dtype == tf.bool:
        return random.random(shape) < 0.7
    if tensor.dtype == tf.int32:
        return random.integers(0, 9, size=shape).astype("int32")
    return random.normal(size=shape).astype("float32")


def perturb(model, random):
    """Moves γ, β and biases away from where they start."""
    for variable in model.trainable_variables:
        variable.assign_add(random.normal(0, 0.1, size=variable.shape))


def train(model, x, targets, steps):
    model.compile(tf.keras.optimizers.SGD(RATE), "mse")
    losses = [model.train_on_batch(x, targets) for _ in range(steps)]
    return np.array([np.ravel(loss)[0] for loss in losses])


def save(model, name, folder):
    """Returns the files that it has written."""
    files = [folder / f"{name}.h5", folder / f"{name}.keras"]
    for file in files:
        model.save(file)
    if name in WEIGHT_FILES:
        weights = [folder / f"{name}_only.h5", folder / f"{name}.weights.h5"]
        for file in weights:
            model.save_weights(file)
        model.save_weights(folder / f"{name}_checkpoint")
        (folder / "checkpoint").unlink()
        files += weights
    if name in SAVED_MODELS:
        model.save(folder / name)
    return files


def pack(folder, file):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def numbered(letter, structure):
    return {f"{letter}{k}": np.asarray(v) for k, v in enumerate(tf.nest.flatten(structure))}


def first_as_last(model):
    twin = volume_last()
    twin.set_weights(model.get_weights())
    return twin
