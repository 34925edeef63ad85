"""The losses' formulas in float64 NumPy, as the papers have them, position by position.

Each takes logits (n, K) and class numbers (n,), and gives losses (n,). `at` are the logits at which
what has no gradient is computed.
"""

import numpy as np


def log_softmax(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def crossentropy(z, y):
    return -log_softmax(z)[np.arange(len(y)), y]


def focal(z, y, at, gamma=2.0, alpha=1.0):
    rows = np.arange(len(y))
    log_p = log_softmax(z)
    others = log_p.copy()
    others[rows, y] = -np.inf
    one_minus_p = np.exp(others).sum(-1)
    alpha = np.broadcast_to(alpha, z.shape[-1:])
    return -alpha[y] * one_minus_p**gamma * log_p[rows, y]


def logit_adjusted(z, y, at, counts, tau=1.0):
    return crossentropy(z + tau * np.log(np.divide(counts, np.sum(counts))), y)


def ldam(z, y, at, counts, max_margin=0.5, scale=30):
    margins = np.divide(1, np.sqrt(np.sqrt(counts)))
    margins *= max_margin / margins.max()
    z = z.copy()
    z[np.arange(len(y)), y] -= margins[y]
    return crossentropy(scale * z, y)


def seesaw(z, y, at, counts, p=0.8, q=2.0):
    """Loops as the paper's indices do."""
    probabilities = np.exp(log_softmax(at))
    factors = np.ones_like(z)
    for row, label in enumerate(y):
        for j in range(z.shape[1]):
            if j != label:
                mitigation = min(1, counts[j] / counts[label]) ** p
                own = max(probabilities[row, label], 0.01)
                compensation = max(1, probabilities[row, j] / own) ** q
                factors[row, j] = mitigation * compensation
    return crossentropy(z + np.log(factors), y)


def lovasz_softmax(z, y, at=None, classes="present", weights=None):
    """One number, by the authors' algorithm: differences of the Jaccard loss along the errors."""
    p = np.exp(log_softmax(z))
    weights = np.ones(len(y)) if weights is None else weights
    losses = []
    for c in range(z.shape[1]):
        own = (y == c).astype(float)
        if classes == "present" and not (own * weights).sum():
            continue
        errors = np.abs(own - p[:, c])
        order = np.argsort(-errors, kind="stable")
        jaccard = [0.0]
        wrong = np.zeros(len(y), bool)
        for i in order:
            wrong[i] = True
            intersection = (weights * own * ~wrong).sum()
            union = (weights * np.maximum(own, wrong)).sum()
            jaccard.append(1 - intersection / union if union else 0.0)
        losses.append(errors[order] @ np.diff(jaccard))
    return np.mean(losses)


def log_sigmoid(z):
    return -np.logaddexp(0, -z)


def class_balanced(z, y, at=None):
    """One image: z, y of the same shape."""
    beta = 1 - y.mean()
    if beta in (0, 1):
        beta = 0.5
    return -(beta * y * log_sigmoid(z) + (1 - beta) * (1 - y) * log_sigmoid(-z))


def asymmetric(z, y, at=None, gamma_negative=4.0, gamma_positive=0.0, margin=0.05):
    """Rows of 0 and 1: z, y (n, K) to (n,)."""
    log_p, p = log_sigmoid(z), np.exp(log_sigmoid(z))
    hit = -np.exp(gamma_positive * log_sigmoid(-z)) * log_p
    if margin == 0:
        miss = -(p**gamma_negative) * log_sigmoid(-z)
    else:
        shifted = np.maximum(p - margin, 0)
        miss = -(shifted**gamma_negative) * np.log1p(-shifted)
    return np.where(y == 1, hit, miss).mean(-1)


def slope(function, z, step=1e-5):
    """Central differences of Σ function(z), in float64."""
    z = z.astype(np.float64)
    gradient = np.zeros_like(z)
    for index in np.ndindex(z.shape):
        high, low = z.copy(), z.copy()
        high[index] += step
        low[index] -= step
        gradient[index] = (np.sum(function(high)) - np.sum(function(low))) / (2 * step)
    return gradient
