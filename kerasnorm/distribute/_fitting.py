"""Prepares the arguments of `fit` so that all workers have the same batches."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasnorm.backend.engine import everyones
from kerasnorm.data import EpochCounter, FollowEpochs, shuffled, to_numpy
from kerasnorm.data.pipelines import indexed
from kerasnorm.distribute._arrays import are_arrays, split
from kerasnorm.models import every_layer


@contextlib.contextmanager
def explained(model: keras.Model) -> Iterator[None]:
    """Adds to TensorFlow's error what it may come from."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        layers = (leaf.layer for leaf in every_layer(model))
        if any(isinstance(layer, keras.layers.Conv2D) for layer in layers):
            error.add_note(_EMPTY)
        raise


_EMPTY = (
    "Was a replica left without examples, as by a last batch that is small? On some CPUs "
    "TensorFlow's Conv2D cannot take none. Choose a batch size that leaves enough, or "
    "`dataset.batch(size, drop_remainder=True)`, or set the environment variable "
    "TF_ENABLE_ONEDNN_OPTS=0."
)


def same_batches(model: keras.Model, arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments with arrays as a dataset, and one that knows its epochs followed."""
    arguments = dict(arguments)
    x, shuffle = arguments.get("x"), arguments.get("shuffle", True)
    whole_epochs = arguments.get("steps_per_epoch") is None
    if are_arrays(x) and shuffle is True and whole_epochs:
        x = _as_dataset(model, arguments)
    if hasattr(x, "epoch_counter"):
        given = arguments.get("callbacks")
        if isinstance(given, keras.callbacks.CallbackList):
            given.append(FollowEpochs(x))
        else:
            given = keras.tree.flatten(given) if given else []
            arguments["callbacks"] = [*given, FollowEpochs(x)]
    return arguments


def _as_dataset(model: keras.Model, arguments: dict[str, Any]) -> Any:
    """Puts a dataset in the place of x, y and the weights in the arguments, and returns it."""
    parts = [arguments.pop(name, None) for name in ("x", "y", "sample_weight")]
    arrays = tuple(part for part in parts if part is not None)
    share = arguments.pop("validation_split", 0.0)
    if share and arguments.get("validation_data") is None:
        arrays, arguments["validation_data"] = split(arrays, share)
    # the seed decides what this draws; the workers may have drawn other numbers before
    seed = int(everyones(np.random.randint(2**31), model.distribute_strategy)[0])
    batch_size = arguments.pop("batch_size", None) or 32
    dataset = _shuffled(arrays, batch_size, seed)
    arguments.update(x=dataset, shuffle=False)
    arguments.setdefault("validation_batch_size", batch_size)
    return dataset


def _shuffled(arrays: Any, batch_size: int, seed: int) -> tf.data.Dataset:
    """Returns batches in another order in each epoch; see `indexed`."""
    tensors = keras.tree.map_structure(_as_tensor, arrays)
    sizes = {int(tensor.shape[0]) for tensor in keras.tree.flatten(tensors)}
    if len(sizes) > 1:
        raise ValueError(
            f"Arrays should have as many examples as one another. Received: {sorted(sizes)}."
        )
    (size,) = sizes

    def gather(rows):
        return keras.tree.map_structure(lambda tensor: tf.gather(tensor, rows), tensors)

    return indexed(shuffled(size, seed), gather, size, batch_size, EpochCounter())


def _as_tensor(array: Any) -> tf.Tensor:
    """Returns a tensor of Keras' own float type, as `fit` makes it."""
    tensor = tf.convert_to_tensor(to_numpy(array))
    return tf.cast(tensor, keras.config.floatx()) if tensor.dtype.is_floating else tensor
