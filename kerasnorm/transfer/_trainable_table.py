"""Shows what `fit` will train."""

import warnings
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm._table import yes_no
from kerasnorm._validation import listed
from kerasnorm.models import leaf_rows, leaf_table, optimized_by


@dataclass(frozen=True)
class TrainableTable:
    """Table with one row per leaf layer that has weights, bottom up, for `print`.

    Attributes:
        rows: Dicts with `path`, `layer_class`, `trainable` (whether the optimizer updates any of
            its variables), `statistics` (whether `fit` updates them; None without any),
            `parameters` and `trainable_parameters`.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, name="head")])
    >>> [(row["path"], row["trainable_parameters"]) for row in trainable_table(model).rows]
    [('head', 16)]

    See also:
        `trainable_table`, which returns it; `kerasnorm.surgery.inspect`.
    """

    rows: list[dict[str, Any]]

    def __str__(self) -> str:
        return leaf_table(self.rows, _COLUMNS)


_COLUMNS = {
    "layer": lambda row: row["path"],
    "class": lambda row: row["layer_class"],
    "trainable": lambda row: yes_no(row["trainable"]),
    "statistics move": lambda row: yes_no(row["statistics"]),
}


def trainable_table(model: keras.Model) -> TrainableTable:
    """Shows what `fit` will train, layer by layer, once the model is compiled.

    `layer.trainable` alone is not enough: the flags of a model and of the layers in it can
    contradict each other, and the statistics of batch normalization have no flag.

    Warns if flags have changed since the optimizer of a compiled model was built: `fit` then trains
    the old variables (TensorFlow) or fails (JAX), until `compile` is called again.

    Args:
        model: Built keras.Model of any kind.

    Returns:
        A `TrainableTable`.

    Raises:
        ValueError: If the model is not built.

    Example:

    >>> layers = [keras.layers.Dense(4, name="head"), keras.layers.BatchNormalization(name="bn")]
    >>> model = keras.Sequential([keras.Input((3,)), *layers])
    >>> layers[0].trainable = False
    >>> print(trainable_table(model))
    layer  class               trainable  statistics move  trained  parameters
    head   Dense               no         -                      0          16
    bn     BatchNormalization  yes        yes                    8          16
    total                                                        8          32

    See also:
        `freeze` and `unfreeze`; `kerasnorm.surgery.inspect`.
    """
    rows = [
        {
            "path": row.path,
            "layer_class": row.layer_class,
            "trainable": row.trainable,
            "statistics": row.statistics_move,
            "parameters": row.parameters,
            "trainable_parameters": row.trainable_parameters,
        }
        for row in leaf_rows(model)
        if row.leaf.weights
    ]
    _warn_of_changes(model)
    return TrainableTable(rows)


def _warn_of_changes(model: keras.Model) -> None:
    optimizer = model.optimizer if model.compiled else None
    if optimizer is None or not optimizer.built:
        return
    known = {id(variable): variable.path for variable in optimized_by(optimizer)}
    now = {id(variable): variable.path for variable in model.trainable_variables}
    changed = [path for key, path in (known | now).items() if (key in known) != (key in now)]
    if changed:
        warnings.warn(
            f"The optimizer of '{model.name}' was built before the flags of "
            f"{listed(changed, most=5)} changed, so `fit` would not train what the table says. "
            "Call `model.compile(...)` again.",
            stacklevel=3,  # the caller of `trainable_table`
        )
