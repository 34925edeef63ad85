"""How far a share of a few held-out examples can be trusted."""

import numpy as np
from numpy.typing import ArrayLike

_Z = 1.959964  # of 95 %


def wilson(share: ArrayLike, total: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ends of the 95 % interval of a share of so many examples; NaN for none.

    >>> low, high = wilson(1.0, 10)
    >>> round(float(low), 3), float(high)
    (0.722, 1.0)

    Reference:
        Wilson, 1927, Probable inference, the law of succession, and statistical inference
    """
    share, total = np.asarray(share, float), np.asarray(total, float)
    total = np.where(total > 0, total, np.nan)
    middle = (share + _Z**2 / (2 * total)) / (1 + _Z**2 / total)
    half = share * (1 - share) / total + _Z**2 / (4 * total**2)
    half = _Z * np.sqrt(half) / (1 + _Z**2 / total)
    # which rounding would put a little beside the ends
    return np.where(share == 0, 0, middle - half), np.where(share == 1, 1, middle + half)
