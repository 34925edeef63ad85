"""Scores how well a source model will transfer, from one pass over the target's examples.

Each function takes arrays and returns a float; larger is better. Scores rank sources on one set
of examples, and cannot be compared across sets.
"""

from kerasnorm.transfer.transferability._gbc import gbc
from kerasnorm.transfer.transferability._h_score import h_score
from kerasnorm.transfer.transferability._inputs import centre
from kerasnorm.transfer.transferability._leep import leep
from kerasnorm.transfer.transferability._logme import logme
from kerasnorm.transfer.transferability._nce import nce
from kerasnorm.transfer.transferability._trans_rate import trans_rate

__all__ = ["gbc", "h_score", "leep", "logme", "nce", "trans_rate"]
