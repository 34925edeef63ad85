"""Prints label maps, and writes them as pictures."""

import contextlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from kerasnorm._files import staged
from kerasnorm._strict_json import strict_json
from kerasnorm._table import aligned
from kerasnorm._validation import listed, require
from kerasnorm.recipe.results import palette


def write_maps(
    paths: list[str],
    names: tuple[str, ...],
    batches: Iterable[np.ndarray],
    folder: str | None,
    as_json: bool,
) -> None:
    """Prints the share of each class in each image, and writes the label maps if asked to.

    Args:
        paths: the N images.
        names: of the K classes.
        batches: outputs (B, H, W, K) of the images, in order; of contours probabilities, K = 1.
        folder: where a PNG picture of class numbers goes for each image, of its own size; or None.
        as_json: whether JSON is printed instead of a table.

    Raises:
        ValueError: If two images would have one picture.
        FileExistsError: If the folder exists and is not empty.
    """
    shares: list[np.ndarray] = []
    masks = [None] * len(paths) if folder is None else _masks(Path(folder), paths)
    with contextlib.nullcontext() if folder is None else staged(folder) as stage:
        maps = (label_map for outputs in batches for label_map in _classes_of(outputs))
        for path, mask, label_map in zip(paths, masks, maps, strict=True):
            counts = np.bincount(label_map.ravel(), minlength=len(names))
            shares.append(counts / counts.sum())
            if mask is not None:
                _write(Path(stage, mask.name), label_map, path, len(names))
    if as_json:
        found = [
            {
                "path": path,
                "mask": mask and str(mask),
                "shares": {name: round(float(s), 6) for name, s in zip(names, row, strict=True)},
            }
            for path, mask, row in zip(paths, masks, shares, strict=True)
        ]
        print(strict_json(found, indent=2))
        return
    rows = [(path, _in_words(names, row)) for path, row in zip(paths, shares, strict=True)]
    print(aligned([("image", "classes of its pixels"), *rows], left=2))


def _classes_of(outputs: np.ndarray) -> np.ndarray:
    """Returns the class of each pixel, (B, H, W); of contours 1 where there is one."""
    one = outputs.shape[-1] == 1
    return (outputs[..., 0] > 0.5).astype(np.int64) if one else outputs.argmax(axis=-1)


def _masks(folder: Path, paths: list[str]) -> list[Path]:
    masks = [folder / f"{Path(path).stem}.png" for path in paths]
    twice = [mask.name for mask, count in Counter(masks).items() if count > 1]
    if twice:
        raise ValueError(
            f"Several images would be written to {listed(twice[:5])}: predict them one by one."
        )
    return masks


def _in_words(names: tuple[str, ...], shares: np.ndarray) -> str:
    order = [k for k in np.argsort(-shares, kind="stable") if shares[k] > 0]
    return ", ".join(f"{names[k]} {100 * shares[k]:.1f} %" for k in order)


def _write(path: Path, label_map: np.ndarray, image: str, classes: int) -> None:
    """Writes class numbers as a picture of the image's size: with a palette, to be looked at."""
    require("PIL")
    from PIL import Image

    with Image.open(image) as original:
        size = original.size
    few = classes <= 256
    picture = Image.fromarray(label_map.astype("uint8" if few else "uint16"))
    if few:
        picture.putpalette(palette().ravel().tolist())
    picture.resize(size, Image.Resampling.NEAREST).save(path)
