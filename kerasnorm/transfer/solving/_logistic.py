"""Finds the optimum of a penalized logistic regression."""

from dataclasses import dataclass

import numpy as np

from kerasnorm.transfer.solving._descent import descend

TINY = 1e-12
FLAT = 1e-6  # of the largest curvature: what is flatter counts as this flat


@dataclass(frozen=True)
class Examples:
    """What a head is fitted to.

    Attributes:
        values: Features, uncorrelated `Coordinates`, float32 (N, R).
        targets: float32 (N, K): shares that sum to 1 under a softmax, 0 to 1 under sigmoids.
        weights: of the examples, float32 (N,); or under sigmoids of their labels, (N, K).
        softmax: whether the classes exclude one another.
    """

    values: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    softmax: bool

    def __getitem__(self, rows: np.ndarray) -> "Examples":
        return Examples(self.values[rows], self.targets[rows], self.weights[rows], self.softmax)

    @property
    def each(self) -> np.ndarray:
        """The weights beside the targets, (N, 1) or (N, K)."""
        return self.weights.reshape(len(self.weights), -1)

    @property
    def prior(self) -> np.ndarray:
        """The weighed share of each class, (K,)."""
        return np.average(self.targets, axis=0, weights=self.weights)

    @property
    def log_prior(self) -> np.ndarray:
        """What the prior adds to each logit, (K,); 0 for a class that is nowhere or everywhere."""
        prior = self.prior
        odds = prior if self.softmax else prior / np.maximum(1 - prior, TINY)
        told = (prior > 0) & (odds < 1 / TINY)
        return np.where(told, np.log(np.where(told, odds, 1)), 0)

    def loss_and_slope(self, logits: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the weighed sum of cross-entropies, and its derivative by the logits (N, K)."""
        if self.softmax:
            logits = logits - logits.max(axis=1, keepdims=True)
            shares = np.exp(logits)
            total = shares.sum(axis=1, keepdims=True)
            losses = np.log(total[:, 0]) - np.einsum("nk,nk->n", self.targets, logits)
            shares /= total
        else:
            losses = np.logaddexp(0, logits) - self.targets * logits
            if self.weights.ndim == 1:
                losses = losses.sum(axis=1)
            shares = 0.5 + 0.5 * np.tanh(0.5 * logits)
        slope = (shares - self.targets) * self.each
        return float(np.vdot(losses.astype("float64"), self.weights)), slope

    def curvature(self, head: np.ndarray) -> np.ndarray:
        """Returns the diagonal of the loss' second derivative by kernel and bias, (R + 1, K)."""
        slope = self.loss_and_slope(self.logits(head))[1]
        shares = slope / np.where(self.each > 0, self.each, 1) + self.targets
        each = shares * (1 - shares) * self.each
        return np.concatenate([np.square(self.values).T @ each, each.sum(axis=0)[None]])

    def logits(self, head: np.ndarray) -> np.ndarray:
        """Returns what kernel and bias, (R + 1, K), make of the features: float32 (N, K)."""
        head = head.astype("float32")
        return self.values @ head[:-1] + head[-1]


def at_prior(examples: Examples) -> np.ndarray:
    """Returns the best head that does not look at the features, (R + 1, K)."""
    head = np.zeros((examples.values.shape[1] + 1, examples.targets.shape[1]))
    head[-1] = examples.log_prior
    return head


def solve(examples: Examples, penalty: float) -> np.ndarray:
    """Returns kernel and bias, (R + 1, K), at the optimum: the mean loss is within 1e-5 of it."""
    near = improve(examples, penalty, at_prior(examples), 15, 1e-6)
    return improve(examples, penalty, near, 1000, 1e-7)


def improve(
    examples: Examples, penalty: float, start: np.ndarray, steps: int, tolerance: float
) -> np.ndarray:
    """Returns kernel and bias, (R + 1, K), nearer to the least Σ cross-entropies + λ/2 · ‖kernel‖².

    Args:
        examples: What is fitted.
        penalty: λ, on the kernel; the bias is free.
        start: Where to begin.
        steps: At most so many of L-BFGS.
        tolerance: Ends when a step gains less of the mean loss.
    """
    penalties = np.full((len(start), 1), penalty)
    penalties[-1] = 0
    # units in which the curvature is about 1 in every direction, so that few steps are enough
    curvature = examples.curvature(start)
    scale = 1 / np.sqrt(np.maximum(curvature, FLAT * curvature.max()) + penalties)

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        head = scale * flat.reshape(scale.shape)
        loss, slope = examples.loss_and_slope(examples.logits(head))
        gradient = penalties * head
        gradient[:-1] += examples.values.T @ slope
        gradient[-1] += slope.sum(axis=0, dtype="float64")
        return loss + 0.5 * float(np.vdot(head, penalties * head)), (scale * gradient).ravel()

    least = tolerance * float(examples.weights.sum())
    return scale * descend(objective, (start / scale).ravel(), steps, least).reshape(scale.shape)
