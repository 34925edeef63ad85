"""What helps in small scenes: label maps and contours of digits, over seeds.

    python benchmarks/segmentation.py [--seeds 3]

Scenes of 32×32 pixels: up to four of scikit-learn's digits at random places on striped, noisy
backgrounds. The digits 1, 3, 4 and 7 are classes, of which the last is rare; 95 % of all
pixels are background. Training and test scenes have no digit in common. Settings are the losses'
defaults: nothing is chosen, so there is no validation part.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.datasets import load_digits

from kerasnorm import imbalance as ki

SIZE, DIGITS, SHARES = 32, (1, 3, 4, 7), (0.55, 0.3, 0.1, 0.05)
CLASSES = 1 + len(DIGITS)
TRAIN, TEST, EPOCHS, BATCH = 240, 120, 15, 16
TOLERANCE = 1.5  # pixels: a neighbour, diagonal ones too


class Scenes(NamedTuple):
    """Images (N, 32, 32, 1), label maps (N, 32, 32) and contours (N, 32, 32) of 0 and 1."""

    images: np.ndarray
    labels: np.ndarray
    contours: np.ndarray


def draw(
    count: int, pool: dict[int, np.ndarray], rng: np.random.Generator, shares: Any = SHARES
) -> Scenes:
    """Draws scenes of the digits of a pool, which has images (n, 8, 8) of each class."""
    y, x = np.mgrid[:SIZE, :SIZE]
    images, labels = np.zeros((count, SIZE, SIZE)), np.zeros((count, SIZE, SIZE), "uint8")
    for image, label in zip(images, labels, strict=True):
        angle, phase, frequency = rng.uniform([0, 0, 0.05], [np.pi, 6, 0.2])
        wave = np.sin(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)) + phase)
        image += 0.4 + 0.2 * wave + rng.normal(0, 0.1, image.shape)
        for _ in range(rng.integers(1, 5)):
            c = rng.choice(len(shares), p=shares)
            ink = rng.choice(pool[c])
            top, left = rng.integers(0, SIZE - 8, 2)
            place = slice(top, top + 8), slice(left, left + 8)
            image[place] += ink * rng.uniform(0.3, 0.7)
            label[place][ink > 0.4] = c + 1
    inside = np.pad(labels, ((0, 0), (1, 1), (1, 1)), "edge")
    moved = inside[:, 1:-1, 2:], inside[:, 2:, 1:-1]
    contours = np.any([labels != other for other in moved], axis=0)
    return Scenes(images[..., None].astype("float32"), labels, contours.astype("uint8"))


def load(seed: int) -> tuple[Scenes, Scenes]:
    """Returns the training and the test scenes of a seed."""
    digits, rng = load_digits(), np.random.default_rng(seed)
    pools = [digits.images[digits.target == digit] / 16 for digit in DIGITS]
    return (
        draw(TRAIN, {c: pool[:100] for c, pool in enumerate(pools)}, rng),
        draw(TEST, {c: pool[100:] for c, pool in enumerate(pools)}, rng),
    )


def unet(outputs: int, seed: int) -> keras.Model:
    """Returns a new small U-Net that gives logits."""
    keras.utils.set_random_seed(seed)

    def convolve(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))

    inputs = keras.Input((SIZE, SIZE, 1))
    fine = convolve(inputs, 16)
    middle = convolve(keras.layers.MaxPooling2D()(fine), 32)
    coarse = convolve(keras.layers.MaxPooling2D()(middle), 32)
    for lower in (middle, fine):
        up = keras.layers.UpSampling2D()(coarse)
        coarse = convolve(keras.layers.Concatenate()([up, lower]), lower.shape[-1])
    return keras.Model(inputs, keras.layers.Conv2D(outputs, 1, name="head")(coarse))


def train(
    images: np.ndarray, y: np.ndarray, outputs: int, seed: int, *phases: tuple
) -> keras.Model:
    """Returns the trained model; each phase is a loss, its sample weights and its epochs."""
    model = unet(outputs, seed)
    for loss, weights, epochs in phases:
        model.compile(keras.optimizers.Adam(3e-3), loss, jit_compile=False)
        model.fit(
            images, y, BATCH, epochs, verbose=0, sample_weight=weights and weights.sample_weights(y)
        )
    return model


def label_maps(seed: int) -> Iterator[tuple[str, list[float]]]:
    """Yields a method, and mean IoU and the recall of each class, in %."""
    scenes, test = load(seed)
    counts = ki.count_classes(scenes.labels)
    plain = ki.SparseFocalCrossentropy(gamma=0)
    weights = {
        "plain": None,
        "weights, balanced": ki.class_weights(counts),
        "weights, square root": ki.class_weights(counts, "sqrt"),
        "weights, log (ENet)": ki.class_weights(counts, "log"),
        "weights, median frequency": ki.class_weights(counts, "median_frequency"),
    }
    methods = {name: [(plain, weighed, EPOCHS)] for name, weighed in weights.items()}
    methods["focal"] = [(ki.SparseFocalCrossentropy(), None, EPOCHS)]
    methods["balanced softmax"] = [(ki.BalancedSoftmax(counts), None, EPOCHS)]
    methods["Lovász-softmax alone"] = [(ki.LovaszSoftmax(), None, EPOCHS)]
    first = EPOCHS * 2 // 3
    methods["plain, then Lovász"] = [
        (plain, None, first),
        (ki.LovaszSoftmax(), None, EPOCHS - first),
    ]
    for name, phases in methods.items():
        model = train(scenes.images, scenes.labels, CLASSES, seed, *phases)
        logits = keras.ops.convert_to_numpy(model(test.images, training=False))
        yield name, segmented(logits, test.labels)
        if name == "plain":
            yield "logits adjusted", segmented(ki.adjust_logits(logits, counts), test.labels)


def segmented(logits: np.ndarray, labels: np.ndarray) -> list[float]:
    iou = keras.metrics.MeanIoU(CLASSES)
    iou.update_state(labels, logits.argmax(-1))
    recalls = ki.PerClassRecall(CLASSES)
    recalls.update_state(labels, logits)
    return [100 * float(value) for value in (iou.result(), *recalls.result())]


def contours(seed: int) -> Iterator[tuple[str, list[float]]]:
    """Yields a loss, and ODS, OIS and F at the threshold ½, in %."""
    scenes, test = load(seed)
    plain = keras.losses.BinaryCrossentropy(from_logits=True)
    weights = ki.class_weights(ki.count_classes(scenes.contours))
    methods = {
        "plain": (plain, None, EPOCHS),
        "weights, balanced": (plain, weights, EPOCHS),
        "class-balanced (HED)": (ki.ClassBalancedBinaryCrossentropy(), None, EPOCHS),
    }
    for name, phase in methods.items():
        model = train(scenes.images, scenes.contours[..., None], 1, seed, phase)
        logits = keras.ops.convert_to_numpy(model(test.images, training=False))
        best = ki.BoundaryFScore(TOLERANCE, thresholds=19, from_logits=True)
        half = ki.BoundaryFScore(TOLERANCE, thresholds=1, from_logits=True)
        for metric in (best, half):
            metric.update_state(test.contours, logits)
        values = (*best.result().values(), half.result()["ods"])
        yield name, [100 * float(value) for value in values]


def table(title: str, columns: list[str], methods: Callable, seeds: int) -> Table:
    """Returns means ± deviations over seeds."""
    found: dict[str, list[list[float]]] = {}
    for seed in track(range(seeds), title):
        for name, values in methods(seed):
            found.setdefault(name, []).append(values)
    result = Table("method", *columns, title=f"{title}, test scenes, in %; {seeds} seeds")
    for name, values in found.items():
        spread = zip(np.mean(values, 0), np.std(values, 0, ddof=1), strict=True)
        result.add_row(name, *(f"{mean:.1f} ± {deviation:.1f}" for mean, deviation in spread))
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    console = Console(width=120)
    recalls = ["background", *(f"the {digit}" for digit in DIGITS)]
    console.print(table("Label maps", ["mean IoU", *recalls], label_maps, arguments.seeds))
    console.print(table("Contours", ["ODS", "OIS", "F at ½"], contours, arguments.seeds))
