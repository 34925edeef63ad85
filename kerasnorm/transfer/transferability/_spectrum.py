"""Computes the singular values of features, and the classes on their left singular vectors.

The Gram matrix costs a third of a singular value decomposition, and half of the digits: what is
below 1e-8 of the largest singular value is lost. So each score takes it first, and asks for the
decomposition where those digits would have mattered.
"""

from typing import NamedTuple

import numpy as np

_EPSILON = np.finfo(np.float64).eps
GRAM_IS_PRECISE = 1e-9  # above this share of its largest, an eigenvalue has 6 digits


class Spectrum(NamedTuple):
    """Of features F = U S Vᵀ and one-hot labels Y, without the singular values that are 0.

    Attributes:
        values: `(k,)` S², ascending or not.
        projections: `(k, K)` UᵀY.
        directions: `(D, k)` V.
    """

    values: np.ndarray
    projections: np.ndarray
    directions: np.ndarray


def gram_spectrum(features: np.ndarray, codes: np.ndarray) -> Spectrum:
    """Returns the spectrum by way of FᵀF, for features with more rows than columns."""
    values, vectors = np.linalg.eigh(features.T @ features)
    kept = values > values[-1] * len(values) * _EPSILON
    values, vectors = values[kept], vectors[:, kept]
    projections = (class_sums(features, codes) @ vectors).T / np.sqrt(values)[:, None]
    return Spectrum(values, projections, vectors)


def exact_spectrum(features: np.ndarray, codes: np.ndarray) -> Spectrum:
    """Returns the spectrum by singular value decomposition."""
    left, singular, right = np.linalg.svd(features, full_matrices=False)
    kept = singular > singular[0] * max(features.shape) * _EPSILON
    return Spectrum(singular[kept] ** 2, class_sums(left[:, kept], codes).T, right[kept].T)


def columns_are_alike(features: np.ndarray) -> bool:
    """Returns whether FᵀF would keep every column, large or small, that is not 0."""
    squares = np.einsum("ij,ij->j", features, features)
    squares = squares[squares > 0]
    return not squares.size or squares.min() > GRAM_IS_PRECISE * squares.max()


def by_class(rows: np.ndarray, codes: np.ndarray) -> list[np.ndarray]:
    """Returns the rows of each class, for classes 0 to K - 1.

    >>> [part.tolist() for part in by_class(np.array([[1.0], [2.0], [4.0]]), np.array([1, 0, 1]))]
    [[[2.0]], [[1.0], [4.0]]]
    """
    order = np.argsort(codes, kind="stable")
    return np.split(rows[order], np.cumsum(np.bincount(codes))[:-1])


def class_sums(rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Returns the sum of the rows of each class: (K, D)."""
    return np.stack([part.sum(axis=0) for part in by_class(rows, codes)])
