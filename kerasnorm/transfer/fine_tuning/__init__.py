"""`fine_tune`: the head first, then the base at a smaller rate."""

from kerasnorm.transfer.fine_tuning._feature_cache import cache_features
from kerasnorm.transfer.fine_tuning._fine_tune import fine_tune
from kerasnorm.transfer.fine_tuning._head_split import HeadSplit, split_at_head
from kerasnorm.transfer.fine_tuning._optimizing import BASE_SHARE, Rate, compile_ready
from kerasnorm.transfer.fine_tuning._pixel_sample import features_at
from kerasnorm.transfer.fine_tuning._result import FineTuning
from kerasnorm.transfer.fine_tuning._solved_head import can_be_solved, is_plain, solve_into
from kerasnorm.transfer.fine_tuning._strategies import starts_from_a_head

__all__ = [
    "BASE_SHARE",
    "FineTuning",
    "HeadSplit",
    "Rate",
    "cache_features",
    "can_be_solved",
    "compile_ready",
    "features_at",
    "fine_tune",
    "is_plain",
    "solve_into",
    "split_at_head",
    "starts_from_a_head",
]
