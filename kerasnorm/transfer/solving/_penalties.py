"""The penalty of a head, chosen by cross-validation."""

import numpy as np

from kerasnorm.transfer.solving._logistic import Examples, at_prior, improve

PENALTIES = tuple(10.0**power for power in range(4, -3, -1))  # the largest first
FOLDS = 5
MOST = 1e8  # examples × coordinates × classes, beyond which fewer examples choose the penalty
STEPS, TOLERANCE = 8, 1e-4  # near enough to tell penalties apart


def score_penalties(examples: Examples) -> dict[float, float]:
    """Returns the balanced accuracy of each penalty on examples that its heads have not seen.

    Each example is left out once, as one of its class's share of a fold. Of very many, as many as
    `MOST` allows choose for all.
    """
    examples = _few_enough(examples)
    folds = _folds(examples.targets)
    logits = {penalty: np.empty_like(examples.targets) for penalty in PENALTIES}
    for fold in range(FOLDS):
        held_out = folds == fold
        seen, unseen = examples[~held_out], examples[held_out]
        head, log_prior = at_prior(seen), seen.log_prior
        for penalty in PENALTIES:
            head = improve(seen, penalty, head, STEPS, TOLERANCE)
            logits[penalty][held_out] = unseen.logits(head) - log_prior
    return {penalty: balanced_accuracy(examples, found) for penalty, found in logits.items()}


def best_of(scores: dict[float, float]) -> float:
    """Returns the penalty of the highest score, the largest of equal ones."""
    return max(scores, key=lambda penalty: (scores[penalty], penalty))


def balanced_accuracy(examples: Examples, logits: np.ndarray) -> float:
    """Returns the mean recall of the classes; of several labels, that of presence and absence."""
    if examples.softmax:
        truth = np.eye(logits.shape[1], dtype=bool)[examples.targets.argmax(axis=1)]
        right = (logits.argmax(axis=1) == truth.argmax(axis=1))[:, None]
        sides = [(truth, right)]
    else:
        truth = examples.targets > 0.5
        sides = [(truth, logits > 0), (~truth, logits <= 0)]
    counts = np.concatenate([truth.sum(axis=0) for truth, _ in sides])
    hits = np.concatenate([(truth & right).sum(axis=0) for truth, right in sides])
    return float((hits[counts > 0] / counts[counts > 0]).mean())


def _few_enough(examples: Examples) -> Examples:
    """Returns the examples, or of too many the first ones of each class."""
    most = int(MOST / (examples.values.shape[1] * examples.targets.shape[1]))
    if len(examples.values) <= most:
        return examples
    return examples[np.sort(np.argsort(_places(_groups(examples.targets)), kind="stable")[:most])]


def _folds(targets: np.ndarray) -> np.ndarray:
    """Returns the fold of each example; every class is dealt out over all folds."""
    groups = _groups(targets)
    order = np.lexsort((_places(groups), groups))
    folds = np.empty(len(targets), int)
    folds[order] = np.arange(len(targets)) % FOLDS
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
