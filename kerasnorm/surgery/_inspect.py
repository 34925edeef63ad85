"""Lists the layers of a model and their normalization."""

from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm._table import yes_no
from kerasnorm.models import LeafRow, leaf_rows, leaf_table
from kerasnorm.normalization import NormalizationLayer
from kerasnorm.surgery._kinds import BATCH, build_shape, kind_of


@dataclass(frozen=True)
class LayerTable:
    """Table with one row per leaf layer except inputs, in order of computation, for `print`.

    Attributes:
        rows: Dicts with `path`; `layer_class`; `normalization` (its name in
            `kerasnorm.normalization`, None for other layers); `axes` (list of the axes, the batch
            being 0, over which statistics are taken, including the channels of a group; None for
            other layers); `trainable` (whether the optimizer updates any of its variables; None
            without any); `statistics_frozen` (whether `fit` keeps its moving statistics; None
            without any); `parameters`; `trainable_parameters`.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="head")])
    >>> inspect(model).rows[0]["path"], inspect(model).rows[0]["parameters"]
    ('head', 8)

    See also:
        `kerasnorm.surgery.inspect`, which returns it; `kerasnorm.transfer.trainable_table`.
    """

    rows: list[dict[str, Any]]

    def __str__(self) -> str:
        return leaf_table(self.rows, _COLUMNS)

    def to_dict(self) -> dict[str, Any]:
        """Returns {"rows": rows}, ready for JSON."""
        return {"rows": [dict(row) for row in self.rows]}


def inspect(model: keras.Model) -> LayerTable:
    """Lists the layers of a model, including those in nested models, wrappers and custom layers.

    Args:
        model: Built keras.Model of any kind.

    Returns:
        A `LayerTable`.

    Raises:
        ValueError: If the model is not built.

    Example:

    >>> conv = keras.layers.Conv2D(4, 3, name="conv")
    >>> bn = keras.layers.BatchNormalization(name="bn")
    >>> print(inspect(keras.Sequential([keras.Input((8, 8, 3)), conv, bn])))
    layer  class               axes   trainable  statistics  trained  parameters
    conv   Conv2D              -      yes        -               112         112
    bn     BatchNormalization  0,1,2  yes        moving            8          16
    total                                                        120         128

    See also:
        `replace_normalization`; `kerasnorm.transfer.trainable_table`, for what trains.
    """
    inputs = keras.layers.InputLayer
    rows = [row for row in leaf_rows(model) if not isinstance(row.leaf.layer, inputs)]
    return LayerTable([_row(row) for row in rows])


_STATISTICS = {True: "frozen", False: "moving", None: "-"}
_COLUMNS = {
    "layer": lambda row: row["path"],
    "class": lambda row: row["layer_class"],
    "axes": lambda row: "-" if row["axes"] is None else ",".join(map(str, row["axes"])),
    "trainable": lambda row: yes_no(row["trainable"]),
    "statistics": lambda row: _STATISTICS[row["statistics_frozen"]],
}


def _row(row: LeafRow) -> dict[str, Any]:
    layer, moving = row.leaf.layer, row.statistics_move
    kind = None if row.leaf.own else kind_of(layer)
    return {
        "path": row.path,
        "layer_class": row.layer_class,
        "normalization": kind,
        "axes": None if kind is None else _axes(layer, kind),
        "trainable": row.trainable if row.leaf.weights else None,
        "statistics_frozen": None if moving is None else not moving,
        "parameters": row.parameters,
        "trainable_parameters": row.trainable_parameters,
    }


def _axes(layer: keras.Layer, kind: str) -> list[int]:
    """Returns the axes over which statistics are taken; the layer is built."""
    shape = build_shape(layer)
    rank = len(shape)
    if isinstance(layer, NormalizationLayer):
        view = layer.view(shape)
        return sorted({*view.reduced} | ({view.channel} if kind == "group" else set()))
    own = [layer.axis] if isinstance(layer.axis, int) else layer.axis
    own = [axis % rank for axis in own]
    if kind == "layer":
        return sorted(own)
    if kind in BATCH:
        return [axis for axis in range(rank) if axis not in own]
    return list(range(1, rank))  # Keras' group normalization
