"""Computes NCE: the negative conditional entropy of the labels given the source labels."""

from typing import Any

import numpy as np

from kerasnorm.data import encode_labels


def nce(source_labels: Any, y: Any) -> float:
    """Computes the negative conditional entropy −H(Y|Z) of the labels given the source's.

    For two tasks on the same examples, from labels alone, or from a source model's predictions.
    Larger is better; at 0 the label of the source determines that of the target.

    With J the empirical joint distribution, in nats:

        NCE = Σ_{z,y} J(z, y) log J(z, y) − Σ_z J(z) log J(z)

    Args:
        source_labels: `(N,)` labels of the source task, integers or strings.
        y: `(N,)` labels of the target task, integers or strings.

    Returns:
        A float, at most 0.

    Raises:
        ValueError: If the lengths differ, or there are no labels.

    Example:

    >>> nce(["fur", "fur", "wings", "wings"], ["cat", "dog", "owl", "owl"])
    -0.346...

    See also:
        `leep`, from probabilities.

    Reference:
        Tran, Nguyen and Hassner, 2019, Transferability and hardness of supervised classification
        tasks, https://arxiv.org/abs/1908.08142
    """
    _, sources = encode_labels("source_labels", source_labels)
    targets, codes = encode_labels("y", y, len(sources))
    _, of_pair, pairs = np.unique(
        sources * len(targets) + codes, return_index=True, return_counts=True
    )
    given = np.bincount(sources)[sources[of_pair]]
    return float((pairs * np.log(pairs / given)).sum() / len(codes))
