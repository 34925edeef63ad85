"""Draws examples so that classes occur as often as wanted."""

from kerasnorm.imbalance.sampling._deferred_resampling import DeferredResampling
from kerasnorm.imbalance.sampling._resample import resample
from kerasnorm.imbalance.sampling._resampled_dataset import ResampledDataset
from kerasnorm.imbalance.sampling._sampler import sampler
from kerasnorm.imbalance.sampling._strategies import Strategy

__all__ = [
    "DeferredResampling",
    "ResampledDataset",
    "Strategy",
    "resample",
    "sampler",
]
