"""Computes LEEP: the log expected empirical prediction."""

from typing import Any

import numpy as np

from kerasnorm.data import encode_labels
from kerasnorm.transfer.transferability._inputs import read_probabilities
from kerasnorm.transfer.transferability._spectrum import by_class


def leep(source_probabilities: Any, y: Any) -> float:
    """Computes the LEEP score: how well the source classifier's outputs predict the labels.

    For classifiers with their source head: one forward pass, nothing to fit. Larger is
    better, 0 is perfect. Compare sources on one target.

    With θ the probabilities and P the empirical joint distribution of labels and source classes:

        LEEP = 1/N Σ_i log Σ_z P(y_i | z) θ_iz,   P(y, z) = 1/N Σ_{i: y_i = y} θ_iz

    Source classes that no example gives any mass are left out.

    Args:
        source_probabilities: `(N, Z)` the source model's probabilities of its Z classes, which are
            not negative and sum to 1, for N examples of the target.
        y: `(N,)` the examples' labels: integers, gaps allowed, or strings.

    Returns:
        A float, at most 0.

    Raises:
        ValueError: If rows are no probabilities, or the lengths differ.

    Example:

    >>> leep([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]], ["cat", "cat", "dog"])
    -0.244...

    See also:
        `nce`, from hard labels; `logme`, for features.

    Reference:
        Nguyen et al., 2020, LEEP: a new measure to evaluate transferability of learned
        representations, https://arxiv.org/abs/2002.12462
    """
    theta = read_probabilities(source_probabilities)
    _, codes = encode_labels("y", y, len(theta))
    of_class = by_class(theta, codes)
    joint = np.stack([rows.sum(axis=0) for rows in of_class])
    mass = joint.sum(axis=0)
    conditional = np.divide(joint, mass, out=np.zeros_like(joint), where=mass > 0)
    predicted = [rows @ given for rows, given in zip(of_class, conditional, strict=True)]
    return float(np.log(np.concatenate(predicted)).mean())
