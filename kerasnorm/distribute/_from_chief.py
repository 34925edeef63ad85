"""`from_chief`: a word that all processes of a job agree on."""

import numpy as np

from kerasnorm.backend.engine import everyones, of_root
from kerasnorm.distribute._cluster import read_cluster
from kerasnorm.distribute._strategy import current_strategy


def from_chief(text: str) -> str:
    """Returns the text that the chief has, to all processes of a job.

    What was measured in each process may differ in the last digit, and so may what follows from
    it: let all go on with the chief's.

    Args:
        text: that of this process.

    Returns:
        The chief's; where there is one process, the text.

    Example:

    >>> from_chief("fine_tune")
    'fine_tune'
    """
    if read_cluster() is None:
        return text
    strategy = current_strategy()
    own = np.frombuffer(text.encode(), np.uint8)
    size = int(everyones(len(own), strategy)[0])
    return bytes(of_root(np.resize(own, size), 0, strategy)).decode()
