"""Photographs with masks and contours: the stamps' cut-out things on photographed backgrounds.

    python benchmarks/real/masks.py               # counts, and the share of pixels in the masks

No package was found with a set of photographs that people segmented. The stamps come nearest:
photographs that people cut out, whose transparency is the mask. They are pasted, at random size
and place, on photographs of monuments and landscapes; no thing and no background is in two parts.
So the masks are real and the scenes are not. `contours` takes the outline of a mask.
"""

import numpy as np
import pictures
from datasets import Part, Parts, split, squared
from duplicates import first_of_each
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

BACKGROUNDS = {"monuments", "renewable energy"}
OPAQUE = 128  # transparency from which a pixel belongs to the thing
COVERED = (0.1, 0.9)  # shares of a picture's box that a usable mask fills, at least and at most
SCALES = (0.4, 0.9)  # longest side of a thing, in sides of the scene


def load(size=128, seed=0):
    """Three parts of scenes, uint8, and masks (1 thing, 0 background) of shape (n, size, size)."""
    things = _unlike([thing for thing, _ in pictures.stamps() if _cut_out(thing)])
    scenes = _unlike([scene for scene, topic in pictures.gcompris() if topic in BACKGROUNDS])
    generator = np.random.default_rng(seed)
    behind = split(np.zeros(len(scenes), int), seed)
    parts = []
    for chosen, backgrounds in zip(split(np.zeros(len(things), int), seed), behind, strict=True):
        made = [
            _scene(things[i], scenes[generator.choice(backgrounds)], size, generator)
            for i in chosen
        ]
        x, y = zip(*made, strict=True)
        parts.append(Part(np.stack(x), np.stack(y)))
    return Parts(*parts, ["background", "thing"])


def contours(masks, width=1):
    """The outlines of masks, `width` pixels to each side, as masks."""
    cross = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], bool)
    grown = binary_dilation(masks, cross, iterations=width)
    return (grown & ~binary_erosion(masks, cross, iterations=width, border_value=1)).astype("uint8")


def _unlike(images):
    return [images[i] for i in first_of_each([squared(each) for each in images])]


def _cut_out(picture):
    if picture.mode not in ("RGBA", "LA", "PA", "P"):
        return False
    covered = (np.asarray(picture.convert("RGBA"))[..., 3] >= OPAQUE).mean()
    return COVERED[0] <= covered <= COVERED[1]


def _scene(thing, background, size, generator):
    thing, background = thing.convert("RGBA"), background.convert("RGB")
    side = min(background.size)
    left, upper = (generator.integers(extent - side + 1) for extent in background.size)
    scene = background.crop((left, upper, left + side, upper + side)).resize((size, size))
    scale = generator.uniform(*SCALES) * size / max(thing.size)
    thing = thing.resize([max(1, round(extent * scale)) for extent in thing.size])
    place = tuple(int(generator.integers(size - extent + 1)) for extent in thing.size)
    scene.paste(thing, place, thing)
    mask = Image.new("L", (size, size))
    mask.paste(thing.getchannel("A"), place)
    return np.asarray(scene), (np.asarray(mask) >= OPAQUE).astype("uint8")


def main():
    parts = load()
    print("/".join(str(len(part.y)) for part in parts[:3]), "scenes")
    share = parts.train.y.mean()
    print(f"{share:.0%} of the pixels in masks, {contours(parts.train.y).mean():.1%} in contours")


if __name__ == "__main__":
    main()
