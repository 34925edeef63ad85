"""Chooses the penalty of a head by cross-validation."""

import math
from typing import NamedTuple

import numpy as np

from kerasnorm.transfer.solving._logistic import Examples, at_prior, improve

PENALTIES = tuple(10.0**power for power in range(4, -3, -1))  # the largest first
FOLDS = 5
MOST = 1e8  # examples × coordinates × classes, beyond which fewer examples choose the penalty
STEPS, TOLERANCE = 8, 1e-4  # near enough to tell penalties apart


class Score(NamedTuple):
    """How good a head is on examples it has not seen, all classes counting alike.

    Attributes:
        accuracy: The mean recall of the classes; of several labels, that of presence and absence.
        loss: The mean cross-entropy of the same.
    """

    accuracy: float
    loss: float


def score_penalties(examples: Examples) -> dict[float, Score]:
    """Returns the score of each penalty on examples that its heads have not seen.

    Each example is left out once, as one of its class's share of a fold. Of very many, as many as
    `MOST` allows choose for all.
    """
    examples = _few_enough(examples)
    folds = _folds(examples)
    logits = {penalty: np.empty_like(examples.targets) for penalty in PENALTIES}
    for fold in range(FOLDS):
        held_out = folds == fold
        seen, unseen = examples[~held_out], examples[held_out]
        head, log_prior = at_prior(seen), seen.log_prior
        for penalty in PENALTIES:
            head = improve(seen, penalty, head, STEPS, TOLERANCE)
            logits[penalty][held_out] = unseen.logits(head) - log_prior
    return {penalty: score(examples, found) for penalty, found in logits.items()}


def best_of(scores: dict[float, Score], count: int) -> float:
    """Returns the penalty of the lowest loss, among those of an accuracy as good as the highest.

    That is within half a standard error of so many examples. The highest alone would often be that
    of logits of almost 0, which order the classes rightly all the same.
    """
    best = max(score.accuracy for score in scores.values())
    least = best - 0.5 * math.sqrt(best * (1 - best) / count)
    good = [penalty for penalty, score in scores.items() if score.accuracy >= least]
    return min(good, key=lambda penalty: scores[penalty].loss)


def score(examples: Examples, logits: np.ndarray) -> Score:
    """Returns how well logits (N, K) tell the examples' classes."""
    if examples.softmax:
        labels = examples.targets.argmax(axis=1)
        truth = np.eye(logits.shape[1], dtype=bool)[labels]
        losses = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(labels)), labels]
        sides = [(truth, (logits.argmax(axis=1) == labels)[:, None], losses[:, None])]
    else:
        truth = examples.targets > 0.5
        sides = [
            (truth, logits > 0, np.logaddexp(0, -logits)),
            (~truth, logits <= 0, np.logaddexp(0, logits)),
        ]
    counts = np.concatenate([members.sum(axis=0) for members, _, _ in sides])
    hits = np.concatenate([(members & right).sum(axis=0) for members, right, _ in sides])
    losses = np.concatenate([(members * loss).sum(axis=0) for members, _, loss in sides])
    there = counts > 0
    return Score(
        float((hits[there] / counts[there]).mean()), float((losses[there] / counts[there]).mean())
    )


def _few_enough(examples: Examples) -> Examples:
    """Returns the examples, or of too many the first ones of each class."""
    most = int(MOST / (examples.values.shape[1] * examples.targets.shape[1]))
    if len(examples.values) <= most:
        return examples
    return examples[np.sort(np.argsort(_places(_groups(examples.targets)), kind="stable")[:most])]


def _folds(examples: Examples) -> np.ndarray:
    """Returns the fold of each example; every class is dealt out over all folds.

    By how far its examples are from the mean, so that the order they come in decides nothing.
    """
    distances = np.square(examples.values).sum(axis=1)
    order = np.lexsort((distances, _groups(examples.targets)))
    folds = np.empty(len(order), int)
    folds[order] = np.arange(len(order)) % FOLDS
    return folds


def _places(groups: np.ndarray) -> np.ndarray:
    """Returns for each example which share of its group comes before it, in a random order."""
    order = np.lexsort((np.random.default_rng(0).random(len(groups)), groups))
    counts = np.bincount(groups)
    firsts = np.cumsum(counts) - counts
    places = np.empty(len(groups))
    places[order] = np.arange(len(groups)) - firsts[groups[order]]
    return places / counts[groups]


def _groups(targets: np.ndarray) -> np.ndarray:
    """Returns the number of the combination of labels that each example has."""
    return np.unique(targets, axis=0, return_inverse=True)[1].reshape(-1)
