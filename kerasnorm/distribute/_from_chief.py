"""Sends a text from the chief to all processes of a job."""

import numpy as np

from kerasnorm.backend.engine import everyones, of_root
from kerasnorm.distribute._cluster import read_cluster
from kerasnorm.distribute._strategy import current_strategy


def from_chief(text: str) -> str:
    """Returns the chief's text in all processes of a job.

    Measurements of the processes may differ in the last digit, and so may decisions based on them:
    use it to let all continue with the chief's.

    Args:
        text: Text of this process.

    Returns:
        The text of the chief; with one process, the given text.

    Example:

    >>> from_chief("fine_tune")
    'fine_tune'

    See also:
        `is_chief`.
    """
    if read_cluster() is None:
        return text
    strategy = current_strategy()
    own = np.frombuffer(text.encode(), np.uint8)
    size = int(everyones(len(own), strategy)[0])
    return bytes(of_root(np.resize(own, size), 0, strategy)).decode()
