"""The scores in float64, straight from their definitions: dense matrices, loops, SciPy."""

import numpy as np
from scipy import optimize
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA


def logme(features, y):
    """The largest log density of each one-vs-rest target under `evidence`."""
    targets = [(y == label).astype(float) for label in np.unique(y)]
    return np.mean([_largest(evidence(features, target)) for target in targets]) / len(y)


def evidence(features, target):
    """Returns log N(target; 0, I/β + FFᵀ/α) as a function of (log α, log β).

    In the eigenvectors of FFᵀ, found once, the covariance is diagonal.
    """
    spectrum, vectors = np.linalg.eigh(features @ features.T)
    squares = (vectors.T @ target) ** 2

    def density(logs):
        variances = np.exp(-logs[1]) + np.maximum(spectrum, 0) * np.exp(-logs[0])
        return -0.5 * (np.log(2 * np.pi * variances) + squares / variances).sum()

    return density


def _largest(density):
    # beyond, the covariance is too ill-conditioned to be an oracle
    bounds = [(-8, 40), (-5, 12)]
    found = [
        optimize.minimize(
            lambda logs: -density(logs),
            start,
            bounds=bounds,
            method="L-BFGS-B",
            options={"ftol": 1e-15, "gtol": 1e-10},
        ).fun
        for start in [(0, 2), (8, 2), (-6, 8), (20, 1), (12, 10)]
    ]
    return -min(found)


def leep(theta, y):
    labels, n = list(np.unique(y)), len(y)
    joint = np.zeros((len(labels), theta.shape[1]))
    for row, label in zip(theta, y, strict=True):
        joint[labels.index(label)] += row / n
    total = 0.0
    for row, label in zip(theta, y, strict=True):
        predicted = 0.0
        for z, probability in enumerate(row):
            if joint[:, z].sum() > 0:
                predicted += joint[labels.index(label), z] / joint[:, z].sum() * probability
        total += np.log(predicted)
    return total / n


def h_score(features, y, regularized=True):
    centred = features - features.mean(axis=0)
    means = np.zeros_like(centred)
    for label in np.unique(y):
        means[y == label] = centred[y == label].mean(axis=0)
    between = means.T @ means / len(y)
    if not regularized:
        return np.trace(np.linalg.pinv(centred.T @ centred / len(y), 1e-12) @ between)
    estimate = LedoitWolf().fit(centred)
    return (1 - estimate.shrinkage_) * np.trace(np.linalg.inv(estimate.covariance_) @ between)


def trans_rate(features, y, epsilon=1e-4):
    centred = features - features.mean(axis=0)

    def rate(rows):
        tall = np.linalg.slogdet(np.eye(rows.shape[1]) + rows.T @ rows / (len(rows) * epsilon))
        wide = np.linalg.slogdet(np.eye(len(rows)) + rows @ rows.T / (len(rows) * epsilon))
        np.testing.assert_allclose(tall[1], wide[1], rtol=1e-6, atol=1e-6)
        return (tall if rows.shape[1] <= len(rows) else wide)[1] / 2

    of_classes = [rate(centred[y == label]) for label in np.unique(y)]
    return rate(centred) - np.mean(of_classes)


def gbc(features, y, least=1e-4):
    size = min(64, *features.shape)
    components = PCA(size, svd_solver="full").fit_transform(features)
    total = 0.0
    for a in np.unique(y):
        for b in np.unique(y):
            if a == b:
                continue
            one, two = components[y == a], components[y == b]
            first, second = (np.maximum(part.var(axis=0), least) for part in (one, two))
            middle = np.diag((first + second) / 2)
            gap = one.mean(axis=0) - two.mean(axis=0)
            distance = gap @ np.linalg.solve(middle, gap) / 8 + 0.5 * (
                np.linalg.slogdet(middle)[1] - (np.log(first).sum() + np.log(second).sum()) / 2
            )
            total -= np.exp(-distance)
    return total
