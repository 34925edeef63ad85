"""Says what was read: classes, counts, parts, sizes."""

from collections import Counter
from collections.abc import Sequence

from kerasnorm._listing import describe_skipped
from kerasnorm.data import picture_sizes
from kerasnorm.imbalance import ImageFiles

_SHOWN = 6  # classes, in a line


def describe_counts(counts: dict[str, int], size: int | None = None) -> str:
    """Returns how many examples the classes have, the largest first.

    Args:
        counts: of the images with each class, by its name.
        size: the number of the images, where they may have several labels.

    >>> describe_counts({"cat": 3, "dog": 20})
    '23 images of 2 classes (dog 20, cat 3)'
    """
    order = sorted(counts, key=lambda name: -counts[name])
    named = [f"{name} {counts[name]}" for name in order]
    if len(named) > _SHOWN:
        named = [*named[: _SHOWN - 1], "…", named[-1]]
    if size is not None:
        return f"{size} images, each with any of {len(counts)} labels ({', '.join(named)})"
    total = sum(counts.values())
    return f"{total} images of {len(counts)} classes ({', '.join(named)})"


def describe_parts(parts: Sequence[ImageFiles | None]) -> str:
    """Returns how many examples are for training, validation and test."""
    names = ("train", "validation", "test")
    found = [f"{name} {part.size}" for name, part in zip(names, parts, strict=True) if part]
    return ", ".join(found)


def describe_sizes(paths: list[str]) -> str:
    """Returns the smallest and the largest height × width of some of the images."""
    sizes = sorted(picture_sizes(paths), key=lambda size: size[0] * size[1])
    if not sizes:
        return "images of unknown sizes"
    low, high = (f"{height}×{width}" for height, width in (sizes[0], sizes[-1]))
    return f"images of {low}" + ("" if low == high else f" to {high}")


def describe_left_out(skipped: Counter[str]) -> str:
    """Returns what was left out, as the end of a line; nothing if nothing was."""
    return f"; skipped {describe_skipped(skipped)}" if skipped else ""
