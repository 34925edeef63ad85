"""Draws the images that are held out."""

import numpy as np

from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data.splitting._groups import check_groups, some_groups


def held_out(
    files: ImageFiles,
    rows: np.ndarray,
    together: np.ndarray,
    shares: list[float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """Returns the rows to train on, and those to hold out for each of the shares."""
    wanted = sum(1 for share in shares if share)
    if files.groups is None:
        _, at, member = np.unique(together[rows], return_index=True, return_inverse=True)
        parts = _by_class(files, rows[at], shares, rng)
        # equal files go where the first of them goes
        place = np.empty(files.size, int)
        for number, part in enumerate(parts):
            place[part] = number
        return tuple(rows[place[rows[at]][member] == number] for number in range(len(parts)))
    check_groups(files, rows, together, wanted + 1)
    parts, left = [], 1.0
    for share in shares:
        chosen = some_groups(files, rows, together, share / left, rng)
        parts.append(chosen)
        rows, left = np.setdiff1d(rows, chosen), left - share
    return rows, *parts


def _by_class(
    files: ImageFiles, rows: np.ndarray, shares: list[float], rng: np.random.Generator
) -> list[np.ndarray]:
    """Returns the rows to train on, and those of each share, one of each class at least."""
    wanted = [number for number, share in enumerate(shares) if share]
    parts: list[list[np.ndarray]] = [[] for _ in range(len(shares) + 1)]
    for label, name in enumerate(files.class_names):
        members = rng.permutation(rows[files.labels[rows] == label])
        if len(members) <= len(wanted):
            raise ValueError(
                f"The class {name!r} has too few readable images, {len(members)}: one to train on "
                f"and {len(wanted)} to hold out are needed."
            )
        counts, left = [0] * len(shares), len(members) - 1  # one is to train on
        for later, number in zip(range(len(wanted))[::-1], wanted, strict=True):
            counts[number] = min(max(1, round(shares[number] * len(members))), left - later)
            left -= counts[number]
        for number, chosen in enumerate(np.split(members, np.cumsum(counts))):
            parts[number].append(chosen)
    *others, train = (np.concatenate(part) for part in parts)
    return [train, *others]
