"""What stands out in an evaluation: the worst classes, and the pairs most often confused."""

import numpy as np

from kerasnorm.recipe.results._comparison import (
    Comparison,
    class_rows,
    headings,
    judged_by,
    last_way,
    percent,
    worst_classes,
)
from kerasnorm.recipe.results._evaluation import Evaluation
from kerasnorm.recipe.results._html import section, table

_CLASSES, _PAIRS = 8, 8


def confused_pairs(evaluation: Evaluation, most: int = _PAIRS) -> list[tuple[int, int, int]]:
    """Returns (true class, predicted class, count) of the commonest mistakes, the most first.

    There are none where no class is predicted in place of another, as of several labels.
    """
    wrong, count = np.array(evaluation.confusion, copy=True), len(evaluation.class_names)
    if wrong.shape != (count, count):
        return []
    np.fill_diagonal(wrong, 0)
    whole = np.maximum(wrong.sum(axis=1, keepdims=True), evaluation.support[:, None])
    share = wrong / np.maximum(whole, 1)  # decides between equal counts
    order = np.argsort(-(wrong + share / 2), axis=None, kind="stable")[:most]
    pairs = [(int(k) // len(wrong), int(k) % len(wrong)) for k in order]
    return [(row, column, int(wrong[row, column])) for row, column in pairs if wrong[row, column]]


def standing_out(comparison: Comparison) -> str:
    """Returns the section with the worst classes and the most confused pairs."""
    evaluation, judged = last_way(comparison)[0].evaluation, judged_by(comparison)
    worst = worst_classes(comparison)[:_CLASSES].tolist()
    rows = class_rows(comparison, worst)[: len(worst)]
    rows = [[evaluation.class_names[k], *row[1:]] for k, row in zip(worst, rows, strict=True)]
    names, support, unit = evaluation.class_names, evaluation.support, evaluation.unit
    pairs = [
        (
            names[true],
            names[said],
            f"{count:,} of {support[true]:,} ({percent(count / support[true])} %)",
        )
        for true, said, count in confused_pairs(evaluation)
    ]
    parts = [f"<h3>Lowest {judged}, in %</h3>{table(headings(comparison), rows)}"]
    if pairs:
        confused = table(["true class", "taken for", f"{unit}s"], pairs, words=2)
        parts.append(f"<h3>Most confused</h3>{confused}")
    body = "".join(f"<div>{part}</div>" for part in parts)
    return section("What stands out", f'<div class="stand-out">{body}</div>')
