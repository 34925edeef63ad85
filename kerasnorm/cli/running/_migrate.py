"""Runs `kerasnorm migrate`."""

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasnorm._table import aligned
from kerasnorm.cli.running._surgery import save_whole
from kerasnorm.migrate import ERRORS, Translated, load_and_list

# what messages say of arguments of `load_tfa_model`, and the command's options for them
_OPTIONS = {
    "Say `safe_mode=False`": "Add --unsafe",
    'Pass the path of the weights, too: `load_tfa_model("model.json", weights="model.h5")`': (
        "Add --weights FILE"
    ),
    "`load_tfa_model(json, weights=path)`": "give the .json file and --weights with this one",
}


def run_migrate(arguments: argparse.Namespace) -> None:
    """Writes an old model as a file of Keras 3."""
    try:
        model, translated, dropped = load_and_list(
            arguments.old, safe_mode=not arguments.unsafe, weights=arguments.weights
        )
    except ValueError as error:
        said = str(error)
        for argument, option in _OPTIONS.items():
            said = said.replace(argument, option)
        raise ValueError(said) from error
    save_whole(
        model, Path(arguments.new), lambda part: _verify(model, part, unsafe=arguments.unsafe)
    )
    if translated:
        print(_table(translated))
    if dropped:
        print(f"kerasnorm: {dropped}", file=sys.stderr)
    print(
        f"The new model is in {arguments.new}; loaded again, it has the same weights and outputs. "
        "Import kerasnorm before you load it."
    )


def _table(translated: Translated) -> str:
    """Returns the translations with how many layers each has, and where the first one is."""
    counts = Counter((old, new) for _, old, new in translated)
    first = {(old, new): path for path, old, new in reversed(translated)}
    rows = [(old, new, first[old, new], str(count)) for (old, new), count in counts.items()]
    return aligned([("old class", "new class", "first layer", "layers"), *rows], left=3)


def _verify(model: keras.Model, path: Path, unsafe: bool) -> None:
    """Raises ValueError if the file that the model was saved to holds another one."""
    again = keras.saving.load_model(path, safe_mode=not unsafe)
    same = all(
        np.array_equal(keras.ops.convert_to_numpy(old), keras.ops.convert_to_numpy(new))
        for old, new in zip(model.weights, again.weights, strict=True)
    )
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    x = keras.tree.map_structure(_draw, inputs)
    try:
        outputs = [keras.tree.flatten(each(x, training=False)) for each in (model, again)]
    except ERRORS as error:
        raise ValueError(f"Model '{model.name}' cannot compute anything: {error}") from error
    for old, new in zip(*outputs, strict=True):
        old, new = (keras.ops.convert_to_numpy(y) for y in (old, new))
        same = same and np.array_equal(old, new, equal_nan=True)
    if not same:
        raise ValueError(
            f"Model '{model.name}' changes when it is saved by Keras 3, so no file is written. "
            "Please report it, with the old file if you can."
        )


def _draw(tensor: keras.KerasTensor) -> Any:
    shape = [2, *(size or 16 for size in tensor.shape[1:])]
    values = np.random.default_rng(0).uniform(size=shape)
    return keras.ops.cast(values, tensor.dtype)
