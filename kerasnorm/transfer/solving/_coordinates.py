"""Transforms features to coordinates in which a linear head is solved quickly."""

from dataclasses import dataclass

import numpy as np

TINY = 1e-6  # of the longest direction: what is shorter is rounding


@dataclass(frozen=True)
class Coordinates:
    """Standardised features along their principal directions.

    A head of least norm lies in what the features span, so none is lost, and N examples never need
    more than N coordinates. In them the features are uncorrelated, which makes the curvature of a
    head's loss nearly diagonal.

    Attributes:
        values: The features, float32 (N, R).
        directions: Orthonormal, (D, R), in standardized features.
        mean, deviation: Of the raw features, (D,).
    """

    values: np.ndarray
    directions: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Coordinates":
        """Returns the coordinates of features (N, D); one that is constant counts for nothing."""
        mean = features.mean(axis=0, dtype="float64")
        deviation = features.std(axis=0, dtype="float64")
        deviation[deviation <= TINY * np.abs(mean)] = np.inf
        standardised = ((features - mean) / deviation).astype("float32")
        count, width = standardised.shape
        wide = count < width
        gram = standardised @ standardised.T if wide else standardised.T @ standardised
        sizes, vectors = np.linalg.eigh(gram.astype("float64"))
        kept = sizes > TINY * max(sizes[-1], TINY)
        kept[-1] = True  # where all features are constant, one that says nothing is left
        sizes, vectors = np.maximum(sizes[kept], TINY), vectors[:, kept]
        if wide:
            vectors = standardised.T @ (vectors / np.sqrt(sizes))
        directions = vectors.astype("float32")
        return cls(standardised @ directions, directions, mean, deviation)

    def to_raw(self, kernel: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns a head (R, K) on the coordinates as one (D, K) on the raw features."""
        kernel = (self.directions @ kernel) / self.deviation[:, None]
        return kernel, bias - self.mean @ kernel
