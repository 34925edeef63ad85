"""The scores in float64, straight from their definitions: dense matrices, loops, SciPy."""

import numpy as np
from scipy import optimize
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA


def logme(features, y):
    """The log density of each one-vs-rest target, N(0, I/β + FFᵀ/α), maximised over α and β."""
    n = len(y)
    targets = [(y == label).astype(float) for label in np.unique(y)]
    kernel = features @ features.T

    def least(log_alpha, log_beta, target):
        covariance = np.eye(n) / np.exp(log_beta) + kernel / np.exp(log_alpha)
        _, logdet = np.linalg.slogdet(covariance)
        misfit = target @ np.linalg.solve(covariance, target)
        return 0.5 * (n * np.log(2 * np.pi) + logdet + misfit)

    def best(target):
        # beyond, the covariance is too ill-conditioned to be an oracle
        bounds = [(-8, 40), (-5, 12)]
        found = [
            optimize.minimize(
                lambda p: least(*p, target),
                start,
                bounds=bounds,
                method="L-BFGS-B",
                options={"ftol": 1e-15, "gtol": 1e-10},
            ).fun
            for start in [(0, 2), (8, 2), (-6, 8), (20, 1), (12, 10)]
        ]
        return -min(found)

    return np.mean([best(target) for target in targets]) / n


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
