"""What a model is made of, and how it is normalized."""

import math
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm._table import aligned
from kerasnorm.models import Leaf, leaves, statistics_move
from kerasnorm.normalization import NormalizationLayer
from kerasnorm.surgery._kinds import BATCH, build_shape, kind_of


@dataclass(frozen=True)
class LayerTable:
    """A row for each leaf layer but inputs, in the order of the computation; `str()` prints them.

    Attributes:
        rows: dicts with `path`; `layer_class`; `normalization` (its name in
            `kerasnorm.normalization`, None for other layers); `axes` (a list of the axes, the batch
            being 0, over which a statistic is taken, and of a group's channels; None for other
            layers); `trainable` (whether the optimizer moves any of its variables; None without
            any); `statistics_frozen` (whether `fit` leaves its moving statistics still; None
            without any); `parameters`; `trainable_parameters`.

    Example:

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="head")])
    >>> inspect(model).rows[0]["path"], inspect(model).rows[0]["parameters"]
    ('head', 8)
    """

    rows: list[dict[str, Any]]

    def __str__(self) -> str:
        words = {True: "yes", False: "no", None: "-"}
        frozen = {True: "frozen", False: "moving", None: "-"}
        lines = [("layer", "class", "axes", "trainable", "statistics", "trained", "parameters")]
        lines += [
            (
                row["path"],
                row["layer_class"],
                "-" if row["axes"] is None else ",".join(map(str, row["axes"])),
                words[row["trainable"]],
                frozen[row["statistics_frozen"]],
                f"{row['trainable_parameters']:,}",
                f"{row['parameters']:,}",
            )
            for row in self.rows
        ]
        trained, total = (
            sum(row[key] for row in self.rows) for key in ("trainable_parameters", "parameters")
        )
        lines.append(("total", "", "", "", "", f"{trained:,}", f"{total:,}"))
        return aligned(lines, left=5)

    def to_dict(self) -> dict[str, Any]:
        """Returns {"rows": rows}, which fits JSON."""
        return {"rows": [dict(row) for row in self.rows]}


def inspect(model: keras.Model) -> LayerTable:
    """Returns a table of a model's layers, nested models, wrappers and custom layers entered.

    Args:
        model: built keras.Model of any kind.

    Returns:
        A `LayerTable`.

    Raises:
        ValueError: if the model is not built.

    Example:

    >>> conv = keras.layers.Conv2D(4, 3, name="conv")
    >>> bn = keras.layers.BatchNormalization(name="bn")
    >>> print(inspect(keras.Sequential([keras.Input((8, 8, 3)), conv, bn])))
    layer  class               axes   trainable  statistics  trained  parameters
    conv   Conv2D              -      yes        -               112         112
    bn     BatchNormalization  0,1,2  yes        moving            8          16
    total                                                        120         128
    """
    trained = {id(variable) for variable in model.trainable_variables}
    computing = [
        leaf for leaf in leaves(model) if not isinstance(leaf.layer, keras.layers.InputLayer)
    ]
    return LayerTable([_row(leaf, trained) for leaf in computing])


def _row(leaf: Leaf, trained: set[int]) -> dict[str, Any]:
    sizes = {id(weight): math.prod(weight.shape) for weight in leaf.weights}
    kind = None if leaf.own else kind_of(leaf.layer)
    return {
        "path": leaf.path,
        "layer_class": type(leaf.layer).__name__,
        "normalization": kind,
        "axes": None if kind is None else _axes(leaf.layer, kind),
        "trainable": any(key in trained for key in sizes) if sizes else None,
        "statistics_frozen": not statistics_move(leaf.layer) if leaf.has_statistics else None,
        "parameters": sum(sizes.values()),
        "trainable_parameters": sum(size for key, size in sizes.items() if key in trained),
    }


def _axes(layer: keras.Layer, kind: str) -> list[int]:
    """Returns the axes over which a statistic is taken; all are known once the layer is built."""
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
