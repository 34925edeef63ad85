"""Deals images out to training, validation and test."""

import numpy as np

from kerasnorm._existing import SHARES, check_shares, shares_or_default
from kerasnorm.data._image_files import ImageFiles
from kerasnorm.data.splitting._groups import check_train, together_of
from kerasnorm.data.splitting._held_out import held_out
from kerasnorm.data.splitting._one_class import with_one_class

Split = tuple[ImageFiles, ImageFiles, ImageFiles | None]


def split(
    files: ImageFiles,
    validation: float | None,
    test: float | None,
    seed: int,
    equal: list[list[int]] | None = None,
) -> Split:
    """Returns images to train on, to choose the best epoch by, and to judge by, of every class.

    Each part has at least one image of a class; the last is None if its share is 0. The parts that
    the files have are these. Otherwise what has one group, and files that are equal, are in one
    part.

    Args:
        files: the images.
        validation: their share for validation. None: 0.1, or the part of that name.
        test: their share for the test. None: 0.2, or the part of that name, if there are parts.
        seed: decides.
        equal: the numbers of the files that are equal to one another.

    Raises:
        ValueError: if a share is out of range or is given beside a part, or a class has too few
            images, or too few groups.
    """
    given, files = files, with_one_class(files)
    rng, whole = np.random.default_rng(seed), np.arange(files.size)
    together = together_of(files, equal or [])
    if files.parts is None:
        validation, test = check_shares(*shares_or_default(validation, test))
        return parted(given, *held_out(files, whole, together, [validation, test], rng))
    named = {name: np.flatnonzero(files.parts == name) for name in ("train", "validation", "test")}
    for name, share in (("validation", validation), ("test", test)):
        if share is not None and len(named[name]):
            raise ValueError(
                f"The images have a part for {name} of their own: leave out --{name}-split."
            )
    wanted = [0 if len(named["validation"]) else shares_or_default(validation, None)[0], test or 0]
    check_shares(wanted[0] or SHARES[0], wanted[1])
    train, *drawn = held_out(files, named["train"], together, wanted, rng)
    names = ("validation", "test")
    others = [
        named[name] if len(named[name]) else rows for name, rows in zip(names, drawn, strict=True)
    ]
    check_train(files, train)
    return parted(given, train, *others)


def parted(files: ImageFiles, train: np.ndarray, validation: np.ndarray, test: np.ndarray) -> Split:
    last = files.subset(test) if len(test) else None
    return files.subset(train), files.subset(validation), last
