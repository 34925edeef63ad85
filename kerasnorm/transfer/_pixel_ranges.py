"""Lists the pixel ranges that networks expect, and how to convert between them."""

from dataclasses import dataclass

import numpy as np

Step = tuple[np.ndarray, np.ndarray]  # a scale and an offset

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of 0 to 1


@dataclass(frozen=True)
class _PixelRange:
    """What becomes of a raw pixel p, 0 to 255: p · scale + offset, for all channels or for each.

    Attributes:
        name: As in a message.
        scale, offset: Floats, or one for each channel.
    """

    name: str
    scale: float | tuple[float, ...]
    offset: float | tuple[float, ...]

    def step_to(self, other: "_PixelRange") -> Step:
        """Returns the scale and the offset that lead from this range to another."""
        scale = np.divide(other.scale, self.scale)
        offset = np.subtract(other.offset, np.multiply(self.offset, scale))
        return scale.round(6), offset.round(6)


_RAW = _PixelRange("0 to 255", 1.0, 0.0)
_UNIT = _PixelRange("0 to 1", 1 / 255, 0.0)
_SIGNED = _PixelRange("-1 to 1", 1 / 127.5, -1.0)
_STANDARDISED = _PixelRange(
    "0 to 1 less ImageNet's mean, over its deviation",
    tuple(1 / 255 / deviation for deviation in _DEVIATION),
    tuple(-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)),
)
_CENTRED = _PixelRange("0 to 255 less a mean", 1.0, -117.0)


def steps_to_others(images: np.ndarray) -> list[tuple[str, Step]]:
    """Returns the other ranges that such images may be wanted in, and the steps that lead there."""
    own = _range_of(images)
    known = [_RAW, _UNIT, _SIGNED]
    if images.shape[-1] == len(_MEAN):
        known.append(_STANDARDISED)
    same = (own, _RAW) if own is _CENTRED else (own,)  # as large
    return [(each.name, own.step_to(each)) for each in known if each not in same]


def _range_of(images: np.ndarray) -> _PixelRange:
    """Returns the range that images are in, by their smallest and largest value."""
    low, high = float(images.min()), float(images.max())
    if low < -3:  # no pixel is so far below ImageNet's mean in deviations
        return _CENTRED
    if low < -1.01 or (low < -0.01 and high > 1.01):
        return _STANDARDISED
    if low < -0.01:
        return _SIGNED
    return _UNIT if high <= 1.01 else _RAW
