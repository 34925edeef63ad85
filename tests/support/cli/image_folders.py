"""Folders of images, for the tests of the command."""

import keras
import numpy as np

COUNTS = {"cat": 6, "dog": 4, "owl": 3}


WRITTEN = {
    "about.json",
    "comparison.json",
    "evaluation.json",
    "history.json",
    "images.csv",
    "labels.txt",
    "model.keras",
    "predictions.csv",
    "reasons.json",
    "recipe.json",
    "report.html",
}


def write_images(folder, counts=COUNTS, size=20):
    """A sub-folder a class, whose images are of one colour and noise."""
    rng = np.random.default_rng(0)
    for label, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            image = rng.integers(0, 40, (size, size + 3, 3))
            image[..., label % 3] += 180
            keras.utils.save_img(folder / name / f"{index}.png", image.astype("uint8"), scale=False)
    return folder
