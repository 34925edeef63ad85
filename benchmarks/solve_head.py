"""`solve_head` against scikit-learn's logistic regression, in turn, in one run.

    python benchmarks/solve_head.py [--rounds 3] [--examples 10000] [--features 1280]
                                    [--classes 100] [--penalty 100]

Features are what a ReLU leaves of a correlated mixture that holds the classes. "optimum": one given
penalty, scikit-learn behind a `StandardScaler`, up to its default tolerance and up to 1e-6;
"loss" is the mean of what both minimise, above the least of all. "cross-validated" also chooses the
penalty. Times are in s, the minimum of all rounds; "×" is that by `solve_head`'s.
"""

import argparse
import time

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from kerasnorm.transfer import Head, solve_head


def main():
    arguments = parse()
    features, y = examples(arguments.examples, arguments.features, arguments.classes)
    penalty = arguments.penalty
    contenders = {
        "solve_head, optimum": lambda: solve_head(features, y, weights=None, penalty=penalty),
        "scikit-learn, tol=1e-4": lambda: regression(features, y, penalty, 1e-4),
        "scikit-learn, tol=1e-6": lambda: regression(features, y, penalty, 1e-6),
        "solve_head, cross-validated": lambda: solve_head(features, y, weights=None),
    }
    seconds = {name: [] for name in contenders}
    heads = {}
    for _ in range(arguments.rounds):
        for name, make in contenders.items():
            start = time.perf_counter()
            heads[name] = make()
            seconds[name].append(time.perf_counter() - start)
    losses = {
        name: loss(features, y, head, penalty)
        for name, head in heads.items()
        if head.penalty == penalty and not head.scores
    }
    show(seconds, losses)


def examples(count, width, classes):
    rng = np.random.default_rng(0)
    y = rng.integers(classes, size=count)
    hidden = rng.normal(size=(count, width)) + 0.3 * rng.normal(size=(classes, width))[y]
    mixing = np.exp(-np.arange(width) / 50)[:, None] * rng.normal(size=(width, width))
    return np.maximum(hidden @ (mixing + 0.02 * np.eye(width)) + 1, 0).astype("float32"), y


def regression(features, y, penalty, tolerance):
    scaler = StandardScaler()
    model = LogisticRegression(C=1 / penalty, max_iter=10_000, tol=tolerance)
    model.fit(scaler.fit_transform(features), y)
    kernel = model.coef_.T / scaler.scale_[:, None]
    return Head(kernel, model.intercept_ - scaler.mean_ @ kernel, penalty, {})


def loss(features, y, head, penalty):
    logits = (features @ head.kernel + head.bias).astype("float64")
    losses = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(y)), y]
    scaled = head.kernel * features.std(axis=0, dtype="float64")[:, None]
    return (losses.sum() + penalty / 2 * np.square(scaled).sum()) / len(y)


def show(seconds, losses):
    table = Table("", "s", "×", "loss")
    own = min(seconds["solve_head, optimum"])
    least = min(losses.values())
    for name, each in seconds.items():
        gap = f"{losses[name] - least:.1e}" if name in losses else ""
        table.add_row(name, f"{min(each):.2f}", f"{min(each) / own:.1f}", gap)
    Console().print(table)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=1280)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--penalty", type=float, default=100.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
