"""How well one output tells two classes on held-out examples."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from kerasnorm.recipe.results._average_precision import average_precision
from kerasnorm.recipe.results._evaluation import Evaluation, is_number, without_nan


@dataclasses.dataclass(frozen=True, eq=False)
class BinaryEvaluation(Evaluation):
    """The confusion matrix of two classes told by one output, and how well it ranks them.

    An example is taken for the second class where the logit is above 0, or the probability above ½.

    Attributes:
        class_names: (2,) the names.
        train_counts: (2,) the examples of each class in training.
        confusion: (2, 2) counts: one row per true class, one column per predicted class.
        calibration: a `Calibration`, how sure the model is and how often it is right; or None.
        average_precision: How well the second class's examples are ranked first, at all thresholds;
            by chance it is about their share. NaN without an example of it.

    Example:

    >>> outputs = np.array([[-2.0], [0.5], [1.0], [3.0]])
    >>> batches = [(np.array([0, 0, 1, 1]), outputs)]
    >>> evaluation = BinaryEvaluation.of(("ok", "ill"), np.array([9, 3]), batches, logits=True)
    >>> evaluation.summary()
    {'balanced accuracy': 0.75, 'average precision': 1.0}

    See also:
        `fit`, whose `Run` has it; `Evaluation`, for one class an example.
    """

    average_precision: float = float("nan")

    @classmethod
    def of(
        cls,
        class_names: Sequence[str],
        train_counts: np.ndarray,
        batches: Iterable[tuple[np.ndarray, ...]],
        logits: bool,
        ignore_class: int | None = None,
    ) -> Self:
        """Returns the evaluation of outputs (N, 1), as `Evaluation.of` does."""
        seen: list[tuple[np.ndarray, ...]] = []
        found = super().of(class_names, train_counts, _as_two(batches, logits, seen), logits)
        parts = map(np.concatenate, zip(*seen, strict=True))
        return dataclasses.replace(found, average_precision=average_precision(*parts))

    def summary(self) -> dict[str, float]:
        return {**super().summary(), "average precision": self.average_precision}

    def to_dict(self) -> dict[str, Any]:
        (figure,) = without_nan(np.array([self.average_precision]))
        return {"average_precision": figure, **super().to_dict()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        figure = content.get("average_precision")
        if figure is not None and not is_number(figure):
            raise ValueError(f"`average_precision` should be a number. Received: {figure!r}.")
        found = super().from_dict(content)
        return found if figure is None else dataclasses.replace(found, average_precision=figure)


def _as_two(
    batches: Iterable[tuple[np.ndarray, ...]], logits: bool, seen: list[tuple[np.ndarray, ...]]
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields one output (N, 1) as two, (N, 2), and notes labels, scores and weights."""
    for labels, outputs, *weights in batches:
        scores = outputs.reshape(-1)
        seen.append((labels == 1, scores, *weights))
        yield labels, two_outputs(scores, logits), *weights


def two_outputs(scores: np.ndarray, logits: bool) -> np.ndarray:
    """Returns the outputs of two classes, (..., 2), of the one that tells them, (...).

    >>> two_outputs(np.array([0.25]), logits=False)
    array([[0.75, 0.25]])
    """
    return np.stack([np.zeros_like(scores) if logits else 1 - scores, scores], axis=-1)
