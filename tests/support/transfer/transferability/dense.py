"""The scores in float64, straight from their definitions: dense matrices, loops, SciPy."""

import numpy as np
from scipy import optimize
from sklearn.covariance import LedoitWolf, ledoit_wolf_shrinkage
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge


def logme(features, y):
    """The largest log density of each one-vs-rest target under `evidence`."""
    targets = [(y == label).astype(float) for label in np.unique(y)]
    return np.mean([_largest(features, target) for target in targets]) / len(y)


def evidence(features, target):
    """Returns log N(target; 0, I/β + FFᵀ/α) as a function of (log α, log β).

    In the eigenvectors of FFᵀ, found once, the covariance is diagonal.
    """
    spectrum, squares = _in_eigenvectors(features, target)

    def density(logs):
        variances = np.exp(-logs[1]) + spectrum * np.exp(-logs[0])
        return -0.5 * (np.log(2 * np.pi * variances) + squares / variances).sum()

    return density


def _in_eigenvectors(features, target):
    spectrum, vectors = np.linalg.eigh(features @ features.T)
    return np.maximum(spectrum, 0), (vectors.T @ target) ** 2


def _largest(features, target):
    """Searches log α/β, for each of which the best β is known: its misfit is N."""
    density = evidence(features, target)
    spectrum, squares = _in_eigenvectors(features, target)

    def least(ratio):
        beta = np.log(len(target) / (squares / (1 + spectrum * np.exp(-ratio))).sum())
        return -density((ratio + beta, beta))

    # below, the covariance is too ill-conditioned to be an oracle
    grid = np.linspace(-20, 45, 131)
    middle = grid[np.argmin([least(ratio) for ratio in grid])]
    around = (middle - 0.5, middle + 0.5)
    return -optimize.minimize_scalar(least, bounds=around, options={"xatol": 1e-8}).fun


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


def published_h_score(features, y, regularized=True):
    centred = features - features.mean(axis=0)
    means = np.zeros_like(centred)
    for label in np.unique(y):
        means[y == label] = centred[y == label].mean(axis=0)
    between = means.T @ means / len(y)
    if not regularized:
        return np.trace(np.linalg.pinv(centred.T @ centred / len(y), 1e-12) @ between)
    estimate = LedoitWolf().fit(centred)
    return (1 - estimate.shrinkage_) * np.trace(np.linalg.inv(estimate.covariance_) @ between)


def h_score(features, y):
    """Fits a ridge regression to all examples but one, for each of them."""
    n, width = features.shape
    variances = features.var(axis=0).sum()
    shrinkage = ledoit_wolf_shrinkage(features) if width > 1 else 0.0
    if shrinkage == 1:
        return 0.0  # by an infinite penalty
    penalty = n * shrinkage * variances / width / (1 - shrinkage)
    targets = (y[:, None] == np.unique(y)).astype(float)
    total = 0.0
    for i in range(n):
        others = np.arange(n) != i
        fit = Ridge(penalty, solver="svd").fit(features[others], targets[others])
        by_mean = (targets[i] - targets[others].mean(axis=0)) ** 2
        by_fit = (targets[i] - fit.predict(features[i : i + 1])[0]) ** 2
        total += ((by_mean - by_fit) / targets.sum(axis=0)).sum()
    return total


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
