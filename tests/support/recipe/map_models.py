"""Small models and data for the tests of label maps."""

import keras
import numpy as np


def scenes(count=12, seed=0, classes=3, size=(6, 8), ignored=False):
    """Images (N, H, W, 2), brighter by class, and label maps (N, H, W) with few of the last."""
    rng = np.random.default_rng(seed)
    shares = np.array([0.7, 0.25, 0.05, 0.0])[:classes]
    labels = rng.choice(classes, (count, *size), p=shares / shares.sum()).astype("uint8")
    x = rng.normal(0, 0.3, (count, *size, 2)) + labels[..., None]
    if ignored:
        labels[:, 0] = 255
    return x.astype("float32"), labels


def mapper(classes=3, activation=None, after=(), seed=7):
    """A stem and a head of one convolution, in images of any size."""
    keras.utils.set_random_seed(seed)
    images = keras.Input((None, None, 2))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(images)
    x = keras.layers.BatchNormalization(momentum=0.5, name="norm")(x)
    x = keras.layers.Conv2D(classes, 1, activation=activation, name="head")(x)
    for layer in after:
        x = layer(x)
    return keras.Model(images, x)


def figures(labels, predicted, classes):
    """Confusion, recall and IoU of each class in float64, pixel by pixel; 255 is no class."""
    confusion = np.zeros((classes, classes), int)
    for label, found in zip(labels.ravel().tolist(), predicted.ravel().tolist(), strict=True):
        if label != 255:
            confusion[label, found] += 1
    hits = np.diag(confusion).astype(float)
    with np.errstate(invalid="ignore"):
        recall = hits / confusion.sum(1)
        iou = hits / (confusion.sum(0) + confusion.sum(1) - hits)
    return confusion, recall, iou
