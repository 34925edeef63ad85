"""Real pictures with classes, decoded once, and split by seed into three parts.

    python benchmarks/real/datasets.py [--size 224] [names …]     # builds them, prints their counts

`load(name, size, seed)` returns `.train`, `.validation` and `.test` (pairs of pixels, uint8 of 0
to 255, and labels) and `.class_names`. Photographs are padded with white to a square. Pictures
that are near-duplicates of another, mirrored ones too, are left out; every class is in every part.
"""

import argparse
from typing import NamedTuple

import fashion
import numpy as np
import packages
import pictures
from duplicates import first_of_each
from PIL import Image

PHOTOGRAPHS = {
    "stamps": pictures.stamps,
    "food": pictures.food,
    "solar": pictures.solar,
    "gcompris": pictures.gcompris,
}
DRAWS = {"fashion_long_tail": fashion.long_tail, "fashion_few_shots": fashion.few_shots}
NAMES = [*PHOTOGRAPHS, *DRAWS]
ALIKE = {"solar"}  # cells look alike, but each was photographed once
SHARES = (0.5, 0.1, 0.4)
FEWEST = 5  # pictures a class needs so that each part has some


class Part(NamedTuple):
    """Pixels of shape (examples, size, size, 3), uint8, and labels."""

    x: np.ndarray
    y: np.ndarray


class Parts(NamedTuple):
    """What to train on, to choose by and to measure with, and what the labels mean."""

    train: Part
    validation: Part
    test: Part
    class_names: list[str]


def load(name, size=224, seed=0):
    """The three parts of the data set `name`, at `size` × `size` pixels, split by `seed`."""
    if name not in NAMES:
        raise ValueError(f"There is no data set {name!r}. Choose from {', '.join(NAMES)}.")
    if name in DRAWS:
        parts = [Part(_enlarge(images, size), labels) for images, labels in DRAWS[name](seed)]
        return Parts(*parts, fashion.NAMES)
    x, y, names = arrays(name, size)
    return Parts(*(Part(x[indices], y[indices]) for indices in split(y, seed)), list(names))


def split(labels, seed, shares=SHARES):
    """Indices of the parts, stratified: every class has at least one example in each of them."""
    generator = np.random.default_rng(seed)
    parts = [[] for _ in shares]
    for label in np.unique(labels):
        indices = generator.permutation(np.flatnonzero(labels == label))
        if len(indices) < len(shares):
            raise ValueError(
                f"Class {label} has {len(indices)} examples, and each of {len(shares)} parts "
                "needs one. Leave the class out."
            )
        ends = np.round(np.cumsum(shares) * len(indices)).astype(int)
        # rounding must leave no part empty: each end lies past the last, with room for the next
        for k in range(len(shares) - 1):
            after = len(shares) - 1 - k
            ends[k] = np.clip(ends[k], ends[k - 1] + 1 if k else 1, len(indices) - after)
        for part, chosen in zip(parts, np.split(indices, ends[:-1]), strict=True):
            part.append(chosen)
    return [generator.permutation(np.concatenate(part)) for part in parts]


def arrays(name, size):
    """All pictures of a set of photographs, from the cache if they were decoded before."""
    file = packages.cache() / "arrays" / f"{name}-{size}.npz"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part.npz")
        np.savez(partial, **_decode(PHOTOGRAPHS[name](), size, name not in ALIKE))
        partial.rename(file)
    with np.load(file) as stored:
        return stored["x"], stored["y"], stored["names"].tolist()


def _decode(labelled, size, duplicates_out):
    squares, classes = [], []
    for picture, name in labelled:
        squares.append(squared(picture))
        classes.append(name)
    kept = first_of_each(squares) if duplicates_out else range(len(squares))
    counts = {name: sum(classes[i] == name for i in kept) for name in set(classes)}
    names = sorted(name for name, count in counts.items() if count >= FEWEST)
    kept = [i for i in kept if classes[i] in names]
    shrunk = [squares[i].resize((size, size), Image.Resampling.BICUBIC) for i in kept]
    return {
        "x": np.stack([np.asarray(each) for each in shrunk]),
        "y": np.array([names.index(classes[i]) for i in kept]),
        "names": np.array(names),
    }


def squared(picture):
    """The picture on white, in three channels, padded to a square."""
    if picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    picture = picture.convert("RGB")
    side = max(picture.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


def _enlarge(images, size):
    large = [
        Image.fromarray(each).resize((size, size), Image.Resampling.BICUBIC) for each in images
    ]
    return np.repeat(np.stack([np.asarray(each) for each in large])[..., None], 3, axis=-1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--size", type=int, default=224)
    options = parser.parse_args()
    for name in options.names:
        parts = load(name, options.size)
        trained = np.bincount(parts.train.y)
        sizes = "/".join(str(len(part.y)) for part in parts[:3])
        print(f"{name}: {sizes} pictures, {len(parts.class_names)} classes, ", end="")
        print(f"{trained.max()} down to {trained.min()} of a class to train on")
        together = np.bincount(np.concatenate([part.y for part in parts[:3]]))
        print(
            "   ", ", ".join(f"{n} {c}" for n, c in zip(parts.class_names, together, strict=True))
        )


if __name__ == "__main__":
    main()
