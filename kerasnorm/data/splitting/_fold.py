"""Deals images out so that each is in the test of one fold."""

import numpy as np

from kerasnorm._existing import shares_or_default
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data.splitting._groups import check_groups, quietly, together_of
from kerasnorm.data.splitting._held_out import held_out
from kerasnorm.data.splitting._one_class import with_one_class
from kerasnorm.data.splitting._split import Split, parted


def fold(
    files: ImageFiles,
    folds: int,
    index: int,
    validation: float | None,
    seed: int,
    equal: list[list[int]] | None = None,
) -> Split:
    """Returns the parts of which the test is one of several folds.

    Args:
        files, validation, equal: as in `split`.
        folds: how many there are.
        index: which of them is the test.
        seed: decides.

    Raises:
        ValueError: if a class has too few images or groups, or the files have a test part.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if files.parts is not None:
        raise ValueError("The images have parts of their own: leave out --folds.")
    given, files = files, with_one_class(files)
    together = together_of(files, equal or [])
    check_groups(files, np.arange(files.size), together, folds)
    alone = len(np.unique(together)) == files.size
    kind = StratifiedKFold if alone else StratifiedGroupKFold
    deal = kind(folds, shuffle=True, random_state=seed)
    with quietly():
        dealt = deal.split(together, files.labels, None if alone else together)
        rest, test = list(dealt)[index]
    rng = np.random.default_rng(seed)
    shares = [shares_or_default(validation, None)[0], 0]
    train, validated, _ = held_out(files, rest, together, shares, rng)
    return parted(given, train, validated, test)
