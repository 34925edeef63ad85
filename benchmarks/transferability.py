"""Transferability scores against the published algorithms in NumPy, in turn, in one run.

    python benchmarks/transferability.py [--rounds 3] [--examples 10000] [--features 2048]
                                         [--classes 10 100] [--scores logme h_score …]

LogME has two contenders, written from the authors' descriptions: "fixed point", what their package
does by default (You et al., arXiv:2110.10545: singular vectors by way of FᵀF, then for each class
at most 11 steps on UᵀY), and "EM", Algorithm 1 of the first paper (arXiv:2102.11005: singular
vectors of FᵀF, then for each class at most 11 steps that compute the weights and the residual of
all examples). H-score, TransRate, GBC and LEEP: a plain transcription of what their authors
published. Times are in s, the minimum of all rounds; "×" is the contender's time over ours, by
minimum and the least of any round. Values differ for LogME: the authors stop before the maximum,
and add 1e-5 to each sum of squares.
"""

import argparse
import functools
import time

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA

from kerasnorm import transfer

STEPS = 11


def fixed_point(features, y):
    """Every class on its own, in the coordinates of the left singular vectors."""
    n, width = features.shape
    if n > width:
        right, squared, _ = np.linalg.svd(features.T @ features)
        singular = np.sqrt(squared)
        rank = int((singular > 1e-10).sum())
        singular, left = singular[:rank], features @ right[:, :rank] / singular[:rank]
    else:
        left, singular, _ = np.linalg.svd(features, full_matrices=False)
    sigma, evidences = singular**2, []
    for label in range(y.max() + 1):
        target = (y == label).astype(float)
        squares = (left.T @ target) ** 2
        outside = (target**2).sum() - squares.sum()
        alpha = beta = 1.0
        for _ in range(STEPS):
            t = alpha / beta
            gamma = (sigma / (sigma + t)).sum()
            weights = (sigma * squares / (t + sigma) ** 2).sum()
            residual = (squares / (1 + sigma / t) ** 2).sum() + outside
            alpha, beta = gamma / (weights + 1e-5), (n - gamma) / (residual + 1e-5)
            if abs(alpha / beta - t) / t <= 1e-3:
                break
        evidences.append(evidence(n, width, alpha, beta, sigma, residual, weights))
    return np.mean(evidences)


def em(features, y):
    """Every class on its own, with its weights and the residual of every example in each step."""
    n, width = features.shape
    right, sigma, _ = np.linalg.svd(features.T @ features)
    evidences = []
    for label in range(y.max() + 1):
        target = (y == label).astype(float)
        projected = right.T @ (features.T @ target)
        alpha = beta = 1.0
        for _ in range(STEPS):
            t = alpha / beta
            gamma = (sigma / (sigma + t)).sum()
            mean = right @ (projected * beta / (alpha + beta * sigma))
            weights = (mean**2).sum() + 1e-5
            residual = ((target - features @ mean) ** 2).sum() + 1e-5
            alpha, beta = gamma / weights, (n - gamma) / residual
            if abs(alpha / beta - t) / t < 1e-2:
                break
        evidences.append(evidence(n, width, alpha, beta, sigma, residual, weights))
    return np.mean(evidences)


def evidence(n, width, alpha, beta, sigma, residual, weights):
    log = (
        width * np.log(alpha) + n * np.log(beta / (2 * np.pi)) - np.log(alpha + beta * sigma).sum()
    )
    return 0.5 * (log - beta * residual - alpha * weights) / n


def class_means(features, y):
    means = np.zeros_like(features)
    for label in range(y.max() + 1):
        means[y == label] = features[y == label].mean(axis=0)
    return means


def h_score(features, y):
    centred = features - features.mean(axis=0)
    estimate = LedoitWolf().fit(centred)
    between = np.cov(class_means(centred, y), rowvar=False)
    inverse = np.linalg.pinv(estimate.covariance_, rcond=1e-15)
    return np.trace(inverse @ ((1 - estimate.shrinkage_) * between))


def trans_rate(features, y, epsilon=1e-4):
    def rate(rows):
        gram = rows.T @ rows / (len(rows) * epsilon)
        return 0.5 * np.linalg.slogdet(np.eye(rows.shape[1]) + gram)[1]

    centred = features - features.mean(axis=0)
    labels = range(y.max() + 1)
    return rate(centred) - sum(rate(centred[y == label]) for label in labels) / len(labels)


def gbc(features, y):
    components = PCA(64, svd_solver="full").fit_transform(features)
    parts = [components[y == label] for label in range(y.max() + 1)]
    means = [part.mean(axis=0) for part in parts]
    variances = [np.maximum(part.var(axis=0), 1e-4) for part in parts]
    total = 0.0
    for i, (mean, variance) in enumerate(zip(means, variances, strict=True)):
        for j in range(len(parts)):
            if i != j:
                middle = (variance + variances[j]) / 2
                distance = ((mean - means[j]) ** 2 / middle).sum() / 8
                logs = np.log(middle) - (np.log(variance) + np.log(variances[j])) / 2
                total -= np.exp(-distance - logs.sum() / 2)
    return total


def leep(probabilities, y):
    joint = np.zeros((y.max() + 1, probabilities.shape[1]))
    for row, label in zip(probabilities, y, strict=True):
        joint[label] += row / len(y)
    conditional = joint / joint.sum(axis=0)
    predicted = [conditional[label] @ row for row, label in zip(probabilities, y, strict=True)]
    return np.mean(np.log(predicted))


CONTENDERS = {
    "logme": {"fixed point": fixed_point, "EM": em},
    "h_score": {"Ledoit–Wolf, pinv": h_score},
    "trans_rate": {"slogdet": trans_rate},
    "gbc": {"PCA, loop over pairs": gbc},
    "leep": {"loop over examples": leep},
}


OURS = {"h_score": functools.partial(transfer.h_score, leave_one_out=False)}  # as the contender


def example(examples, width, classes):
    """Features as after a ReLU and global pooling: not negative, of unequal scales."""
    rng = np.random.default_rng(0)
    y = np.arange(examples) % classes
    centres, scales = rng.normal(size=(classes, width)), rng.uniform(0.2, 1, width)
    features = scales * (rng.normal(size=(examples, width)) + 0.3 * centres[y])
    return np.maximum(features, 0), y


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=2_048)
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100])
    names = [*CONTENDERS]
    parser.add_argument("--scores", nargs="+", default=names, choices=names)
    options = parser.parse_args()
    title = f"{options.examples:,} examples, {options.features:,} features (LEEP: source classes)"
    columns = ["classes", "score", "published as", "s, ours", "s", "×", "× least", "value, ours"]
    table = Table(*columns, "value", title=title)
    for classes in options.classes:
        features, y = example(options.examples, options.features, classes)
        for score in options.scores:
            given = features / features.sum(axis=1, keepdims=True) if score == "leep" else features
            ways = {"ours": OURS.get(score, getattr(transfer, score)), **CONTENDERS[score]}
            seconds, values = {way: [] for way in ways}, {}
            for _ in range(options.rounds):
                for way, function in ways.items():
                    start = time.perf_counter()
                    values[way] = function(given, y)
                    seconds[way].append(time.perf_counter() - start)
            ours = seconds.pop("ours")
            for way, theirs in seconds.items():
                least = min(b / a for a, b in zip(ours, theirs, strict=True))
                cells = [f"{min(ours):.2f}", f"{min(theirs):.2f}", f"{min(theirs) / min(ours):.1f}"]
                cells += [f"{least:.1f}", f"{values['ours']:.6g}", f"{values[way]:.6g}"]
                table.add_row(str(classes), score, way, *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
