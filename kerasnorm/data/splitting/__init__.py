"""Images dealt out to training, validation and test."""

from kerasnorm.data.splitting._equal_apart import across, describe_equal
from kerasnorm.data.splitting._fold import fold
from kerasnorm.data.splitting._read_paths import read_paths
from kerasnorm.data.splitting._split import Split, split
from kerasnorm.data.splitting._split_scenes import Scenes, split_scenes

__all__ = [
    "Scenes",
    "Split",
    "across",
    "describe_equal",
    "fold",
    "read_paths",
    "split",
    "split_scenes",
]
