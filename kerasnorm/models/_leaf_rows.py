"""Lists a model's leaves: what trains, what moves and how many parameters there are.

`kerasnorm.surgery.inspect` and `kerasnorm.transfer.trainable_table` are selections of it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm._table import aligned
from kerasnorm.models._frozen import statistics_move
from kerasnorm.models._leaves import Leaf, leaves

Row = Mapping[str, Any]


@dataclass(frozen=True)
class LeafRow:
    """A leaf and what `fit` does to it.

    Attributes:
        leaf: The leaf.
        statistics_move: Whether `fit` moves its moving statistics; None without any.
        parameters: The number of its parameters.
        trainable_parameters: The number of those that the optimizer moves.
        trainable: Whether it moves any of its weights, which may be empty.
    """

    leaf: Leaf
    statistics_move: bool | None
    parameters: int
    trainable_parameters: int
    trainable: bool

    @property
    def path(self) -> str:
        return self.leaf.path

    @property
    def layer_class(self) -> str:
        """The name of the layer's class."""
        return type(self.leaf.layer).__name__


def leaf_rows(model: keras.Model) -> list[LeafRow]:
    """Returns a row for each leaf of a built model, in the order of the computation.

    Raises:
        ValueError: As `leaves` does.
    """
    trained = {id(variable) for variable in model.trainable_variables}
    return [_row(leaf, trained) for leaf in leaves(model)]


def _row(leaf: Leaf, trained: set[int]) -> LeafRow:
    sizes = {id(weight): math.prod(weight.shape) for weight in leaf.weights}
    return LeafRow(
        leaf,
        statistics_move(leaf.layer) if leaf.has_statistics else None,
        sum(sizes.values()),
        sum(size for key, size in sizes.items() if key in trained),
        any(key in trained for key in sizes),
    )


def leaf_table(rows: Sequence[Row], columns: Mapping[str, Callable[[Row], str]]) -> str:
    """Returns rows as text: some columns, the parameters that train, all of them, and the totals.

    Args:
        rows: Dicts with `parameters` and `trainable_parameters`.
        columns: What to print of a row, by the column's heading.
    """
    last = ("trainable_parameters", "parameters")
    lines = [(*columns, "trained", "parameters")]
    lines += [
        (*(show(row) for show in columns.values()), *(f"{row[key]:,}" for key in last))
        for row in rows
    ]
    totals = (f"{sum(row[key] for row in rows):,}" for key in last)
    lines.append(("total", *[""] * (len(columns) - 1), *totals))
    return aligned(lines, left=len(columns))
