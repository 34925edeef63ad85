"""Matches contour pixels one to one."""

import numpy as np


def match(
    predicted: np.ndarray, edges: np.ndarray, levels: np.ndarray, tolerance: float
) -> np.ndarray:
    """Counts pairs of predicted and labelled pixels that are at most `tolerance` apart.

    Args:
        predicted: (H, W) scores.
        edges: bool (H, W), the labelled pixels.
        levels: (T,) thresholds, ascending; pixels of this score and more are predicted.
        tolerance: In pixels.

    Returns:
        (3, T): the most pairs of which no two share a pixel, pixels predicted, pixels labelled.

    >>> match(np.array([[0.1, 0.7, 0.9]]), np.array([[1, 0, 0]]) > 0, np.array([0.5, 0.8]), 1)
    array([[1, 0],
           [2, 1],
           [1, 1]])
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching
    from scipy.spatial import KDTree

    rows = np.argwhere(predicted >= levels[0])
    scores = predicted[tuple(rows.T)]
    order = np.argsort(-scores, kind="stable")
    rows, scores = rows[order], scores[order]
    columns = np.argwhere(edges)
    sizes = np.searchsorted(-scores, -levels, side="right")
    pairs = np.zeros(len(levels), int)
    if len(rows) and len(columns):
        near = KDTree(rows).sparse_distance_matrix(
            KDTree(columns), tolerance, output_type="ndarray"
        )
        places = (near["i"].astype(np.int32), near["j"].astype(np.int32))  # older SciPy's matching
        table = csr_array((np.ones(len(near), bool), places), (len(rows), len(columns)))
        found = {
            size: int((maximum_bipartite_matching(table[:size]) >= 0).sum())
            for size in np.unique(sizes).tolist()
            if size
        }
        pairs = np.array([found.get(size, 0) for size in sizes.tolist()])
    return np.stack([pairs, sizes, np.full(len(levels), len(columns))])


def match_thinned(
    predicted: np.ndarray, edges: np.ndarray, levels: np.ndarray, tolerance: float
) -> np.ndarray:
    """Counts as `match` does, of the middle lines of what is predicted at each threshold.

    Reference:
        Guo and Hall, 1989, https://doi.org/10.1145/62065.62074 (thinning, as in scikit-image)
    """
    from skimage.morphology import thin

    columns = []
    for level in levels:
        lines = thin(predicted >= level)
        columns.append(match(lines.astype(float), edges, np.array([0.5]), tolerance))
    return np.concatenate(columns, axis=1)
