"""The arguments of `fit`, made such that all workers have the same batches."""

from typing import Any

import keras
import numpy as np

from kerasnorm.backend import everyones
from kerasnorm.backend.follow_epochs import FollowEpochs
from kerasnorm.distribute._arrays import are_arrays, in_order_of, split


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
    dataset = in_order_of(arrays, arguments.pop("batch_size", None) or 32, seed)
    arguments.update(x=dataset, shuffle=False)
    return dataset
