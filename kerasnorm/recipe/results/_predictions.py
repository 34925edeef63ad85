"""What a model says of each held-out example."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from kerasnorm.recipe.results._average_precision import average_precision
from kerasnorm.recipe.results._calibration import probabilities
from kerasnorm.recipe.results._evaluation import Evaluation, confusion_matrix

_MOST = 2**26  # numbers that are kept


class Counted(Protocol):
    """Outcomes of examples, which can be counted with other weights than 1."""

    @property
    def size(self) -> int:
        """The number of the examples."""

    def resampled(self, evaluation: Evaluation, weights: np.ndarray) -> Evaluation:
        """Returns the evaluation in which each example counts so often."""

    def comparable(self, other: Any) -> bool:
        """Returns whether another one is of the same examples, as far as can be told."""


@dataclasses.dataclass(frozen=True, eq=False)
class Predictions:
    """The probabilities that a model gives to the classes of each example.

    Attributes:
        labels: (N,) the true classes.
        probabilities: (N, K), float.

    Example:

    >>> found = Predictions(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]))
    >>> found.predicted, found.mistakes()
    (array([0, 0]), array([1]))
    """

    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def size(self) -> int:
        """The number of the examples."""
        return len(self.labels)

    @property
    def predicted(self) -> np.ndarray:
        """The class of the largest probability, (N,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def confidence(self) -> np.ndarray:
        """The largest probability, (N,)."""
        return self.probabilities.max(axis=1)

    def mistakes(self) -> np.ndarray:
        """Returns the numbers of the examples that are not recognized, the surest first."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]

    def confusion(self, weights: np.ndarray) -> np.ndarray:
        classes = self.probabilities.shape[1]
        pairs = classes * self.labels + self.predicted
        counts = np.bincount(pairs, weights, minlength=classes**2)
        return counts.reshape(classes, classes)

    def resampled(self, evaluation: Evaluation, weights: np.ndarray) -> Evaluation:
        return dataclasses.replace(evaluation, confusion=self.confusion(weights), calibration=None)

    def comparable(self, other: Any) -> bool:
        return isinstance(other, Predictions) and np.array_equal(self.labels, other.labels)


@dataclasses.dataclass(frozen=True, eq=False)
class PixelCounts:
    """The confusion matrix of the pixels of each label map.

    Attributes:
        confusions: (N, K, K).
    """

    confusions: np.ndarray

    @property
    def size(self) -> int:
        """The number of the label maps."""
        return len(self.confusions)

    def confusion(self, weights: np.ndarray) -> np.ndarray:
        return np.tensordot(weights, self.confusions, axes=1)

    def resampled(self, evaluation: Evaluation, weights: np.ndarray) -> Evaluation:
        return dataclasses.replace(evaluation, confusion=self.confusion(weights), calibration=None)

    def comparable(self, other: Any) -> bool:
        if not isinstance(other, PixelCounts):
            return False
        return np.array_equal(self.confusions.sum(axis=2), other.confusions.sum(axis=2))


@dataclasses.dataclass(frozen=True, eq=False)
class LabelPredictions:
    """The probabilities of several labels of each example.

    Attributes:
        labels: (N, K) bool, whether an example has a label.
        probabilities: (N, K), float.

    Example:

    >>> labels, shares = np.array([[True, False]]), np.array([[0.1, 0.6]])
    >>> LabelPredictions(labels, shares).mistakes()  # rows of (example, label)
    array([[0, 0],
           [0, 1]])
    """

    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def size(self) -> int:
        """The number of the examples."""
        return len(self.labels)

    def mistakes(self) -> np.ndarray:
        """Returns (example, label) of what is wrong, the surest first, (M, 2)."""
        wrong = np.argwhere((self.probabilities > 0.5) != self.labels)
        sure = np.abs(self.probabilities - 0.5)[tuple(wrong.T)]
        return wrong[np.argsort(-sure, kind="stable")]

    def resampled(self, evaluation: Evaluation, weights: np.ndarray) -> Evaluation:
        columns = zip(self.labels.T, self.probabilities.T, strict=True)
        found = np.array([average_precision(*column, weights) for column in columns])
        return dataclasses.replace(evaluation, per_label_average_precision=found, calibration=None)

    def comparable(self, other: Any) -> bool:
        return isinstance(other, LabelPredictions) and np.array_equal(self.labels, other.labels)


class Recorder:
    """Keeps what passes by of batches of labels and outputs, if it is not too much.

    Args:
        classes: How many there are.
        logits: Whether the outputs are logits.
        ignore_class: The label of pixels that have none. Defaults to None.
    """

    def __init__(self, classes: int, logits: bool, ignore_class: int | None = None) -> None:
        self._classes, self._logits, self._ignored = classes, logits, ignore_class
        self._kept: list[tuple[np.ndarray, np.ndarray]] = []
        self._maps: list[np.ndarray] = []
        self._numbers = 0

    def passing(
        self, batches: Iterable[tuple[np.ndarray, ...]]
    ) -> Iterator[tuple[np.ndarray, ...]]:
        """Yields the batches: labels, outputs, and perhaps the weights of the examples."""
        for batch in batches:
            yield batch
            labels, outputs = batch[:2]
            if outputs.ndim == 2 and outputs.shape[1] == 1 and self._classes == 2:
                outputs = self._of_two(outputs)
            fits = outputs.shape[-1] == self._classes
            if labels.ndim <= 2 and outputs.ndim == 2 and fits:
                self._keep(self._kept, outputs.size, (labels, outputs))
            elif labels.ndim == 3 and fits:
                for label_map, output in zip(labels, outputs, strict=True):
                    counts = self._count(label_map, output)
                    self._keep(self._maps, counts.size, counts)

    def _of_two(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the outputs of two classes, (N, 2), of the one that tells them, (N, 1)."""
        first = np.zeros_like(outputs) if self._logits else 1 - outputs
        return np.concatenate([first, outputs], axis=1)

    def _keep(self, kept: list[Any], size: int, entry: Any) -> None:
        self._numbers += size
        if self._numbers <= _MOST:
            kept.append(entry)

    def _count(self, label_map: np.ndarray, output: np.ndarray) -> np.ndarray:
        used = np.ones(label_map.shape, bool)
        if self._ignored is not None:
            used = label_map != self._ignored
        found = output.argmax(axis=-1)[used]
        return confusion_matrix(label_map[used].astype(np.int64), found, self._classes)

    def result(self) -> Predictions | LabelPredictions | PixelCounts | None:
        """Returns what was kept; None if there was too much, or it is of another kind."""
        if self._numbers > _MOST or not (self._kept or self._maps):
            return None
        if self._maps:
            return PixelCounts(np.array(self._maps))
        labels, outputs = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        if labels.ndim == 2:
            outputs = outputs.astype(np.float64)
            each = 0.5 + 0.5 * np.tanh(0.5 * outputs) if self._logits else outputs
            return LabelPredictions(labels > 0, each)
        return Predictions(labels.astype(np.int64), probabilities(outputs, self._logits))
