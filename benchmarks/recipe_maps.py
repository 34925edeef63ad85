"""What `advise` and `fit` gain on label maps: the scenes of segmentation.py, over seeds.

    python benchmarks/recipe_maps.py [--seeds 5]

Two beginnings, each for 15 epochs of equal steps, the last weights judged on 120 test scenes: 240
scenes from new weights; and 60 scenes from a U-Net that has learnt to find the other six digits.
"""

import argparse
from collections.abc import Iterator

import keras
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from segmentation import BATCH, CLASSES, DIGITS, EPOCHS, TRAIN, Scenes, draw, load, unet
from sklearn.datasets import load_digits

from kerasnorm.recipe import Advice, Recipe, advise, fit

OTHERS = (0, 2, 5, 6, 8, 9)
RATE, FEW = 3e-3, 60
PLAIN = {"optimizer_settings": {"learning_rate": RATE}}


def source(seed: int) -> keras.Model:
    """Returns a U-Net that was trained on scenes of the other digits, equally frequent."""
    digits, rng = load_digits(), np.random.default_rng(seed + 1000)
    pools = {c: digits.images[digits.target == digit] / 16 for c, digit in enumerate(OTHERS)}
    scenes = draw(TRAIN, pools, rng, np.ones(len(OTHERS)) / len(OTHERS))
    return trained(Recipe(transfer=None, **PLAIN), unet(len(OTHERS) + 1, seed), scenes, seed).model


def trained(
    recipe: Recipe | Advice, model: keras.Model, scenes: Scenes, seed: int, **kwargs
) -> object:
    data = scenes.images, scenes.labels
    settings = {"epochs": EPOCHS, "batch_size": BATCH, "seed": seed, "verbose": 0, **kwargs}
    return fit(recipe, model, data, **settings)


def ways(seed: int) -> Iterator[tuple[str, list[float]]]:
    """Yields a way of training, and mean IoU, balanced accuracy and IoU of each class, in %."""
    scenes, test = load(seed)
    few = Scenes(*(part[:FEW] for part in scenes))
    start = source(seed)
    scratch = Recipe(transfer="scratch", **PLAIN)

    def advised(model: keras.Model, scenes: Scenes, pretrained: bool) -> Advice:
        return advise(
            model,
            (scenes.images, scenes.labels),
            batch_size=BATCH,
            epochs=EPOCHS,
            learning_rate=RATE,
            pretrained=pretrained,
            seed=seed,
        )

    new = unet(CLASSES, seed)
    for name, recipe, model, data in (
        ("240, plain, from scratch", scratch, new, scenes),
        ("240, advised, from scratch", advised(new, scenes, False), new, scenes),
        ("60, plain, from scratch", scratch, new, few),
        ("60, plain fine-tuning", Recipe(**PLAIN), start, few),
        ("60, advised", advised(start, few, True), start, few),
    ):
        held_out = {"test": (test.images, test.labels), "classes": CLASSES}
        found = trained(recipe, model, data, seed, **held_out).evaluation
        values = [found.mean_iou, found.balanced_accuracy, *found.per_class_iou]
        yield name, [100 * value for value in values]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    found: dict[str, list[list[float]]] = {}
    for seed in track(range(seeds), "seeds"):
        for name, values in ways(seed):
            found.setdefault(name, []).append(values)
            print(f"seed {seed}, {name}: mean IoU {values[0]:.1f}", flush=True)
    columns = ["mean IoU", "balanced", "background", *(f"the {digit}" for digit in DIGITS)]
    table = Table("scenes, way", *columns, title=f"IoU of test pixels in %, {seeds} seeds")
    for name, values in found.items():
        spread = zip(np.mean(values, 0), np.std(values, 0, ddof=1), strict=True)
        table.add_row(name, *(f"{mean:.1f} ± {deviation:.1f}" for mean, deviation in spread))
    Console(width=130).print(table)
