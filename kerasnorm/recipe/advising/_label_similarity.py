"""How much of several labels the features of a model already tell."""

import keras
import numpy as np

from kerasnorm.recipe.advising._similarity import (
    FOLDS,
    PER_CLASS,
    cost_of,
    on_a_scale,
    sample_of,
)
from kerasnorm.recipe.examples import Examples
from kerasnorm.transfer import solve_head

_MOST = 2000  # examples, however many labels there are


def measure_label_similarity(
    model: keras.Model, examples: Examples, seed: int, epochs: int
) -> tuple[float, list[str]]:
    """Returns how well a model's features tell labels from their absence, as `measure_similarity`.

    That is the balanced accuracy of presence and absence, on average over the labels, on a sample
    of up to 50 examples with and 50 without each label.

    Raises:
        ValueError: if no label is in two examples and not in two others, or the model has no graph.
    """
    rows = _rows(examples.classes, np.random.default_rng(seed))
    sample = sample_of(model, examples, rows)
    having = (sample.labels > 0).sum(axis=0)
    told = (having > 1) & (having < len(sample.labels) - 1)
    if not told.any():
        raise ValueError(
            "A label with two examples, and two without it, are needed to measure the similarity. "
            f"Received: {having.tolist()} examples by label, of {len(sample.labels)}. Pass "
            "`similarity`."
        )
    targets = (sample.labels[:, told] > 0).astype("float32")
    alone = targets.shape[1] == 1
    head = solve_head(sample.features, targets[:, 0] if alone else _not_one_hot(targets))
    recognised, count = head.scores[head.penalty], len(targets)
    of = f"{count} examples of {told.sum()} labels"
    similarity, said = on_a_scale(recognised, 0.5, sample.head, of, FOLDS)
    return similarity, [said, cost_of(sample, examples.size, epochs)]


def _not_one_hot(targets: np.ndarray) -> np.ndarray:
    """Returns rows that `solve_head` takes for several labels: not all of them sum to 1."""
    if (targets.sum(axis=1) != 1).any():
        return targets
    return np.concatenate([targets, targets[:, :1]], axis=1)


def _rows(classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the rows of up to 50 examples with and without each label."""
    chosen: set[int] = set()
    for present in classes.T:
        for side in (present, ~present):
            chosen.update(rng.permutation(np.flatnonzero(side))[:PER_CLASS].tolist())
    found = np.sort(list(chosen))
    return found if len(found) <= _MOST else np.sort(rng.choice(found, _MOST, replace=False))
