"""Pictures of single held-out examples: what is wrong with them, and where the model looked."""

import base64
import io
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import keras
import numpy as np

from kerasnorm.models import predict_rows
from kerasnorm.recipe.results._grad_cam import grad_cam
from kerasnorm.recipe.results._html import filled
from kerasnorm.recipe.results._palette import palette
from kerasnorm.recipe.results._predictions import LabelPredictions, PixelCounts, Predictions

HeldOut = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
MISTAKES, RIGHT, MAPS = 12, 6, 6  # pictures of each kind
_WIDTH = 160  # pixels
_HEAT = np.array([230, 60, 10])


def mistakes(
    model: keras.Model,
    predictions: Predictions,
    held_out: HeldOut,
    names: Sequence[str],
    files: Sequence[str] | None,
) -> list[str]:
    """Returns pictures of the surest mistakes, and "" or those of what was recognized."""
    wrong = predictions.mistakes()[:MISTAKES]
    return _classified(model, predictions, wrong, held_out, names, files)


def recognised(
    model: keras.Model,
    predictions: Predictions,
    held_out: HeldOut,
    names: Sequence[str],
    files: Sequence[str] | None,
) -> list[str]:
    """Returns pictures of examples that are recognized, the surest one of a class."""
    right = np.flatnonzero(predictions.predicted == predictions.labels)
    right = right[np.argsort(-predictions.confidence[right], kind="stable")]
    _, first = np.unique(predictions.labels[right], return_index=True)
    return _classified(model, predictions, right[np.sort(first)[:RIGHT]], held_out, names, files)


def _classified(
    model: keras.Model,
    predictions: Predictions,
    rows: np.ndarray,
    held_out: HeldOut,
    names: Sequence[str],
    files: Sequence[str] | None,
) -> list[str]:
    if not len(rows):
        return []
    x, _ = held_out(rows)
    if np.ndim(x) != 4:
        return []
    said = predictions.predicted[rows]
    pixels, heat, shown = _as_pixels(x), grad_cam(model, x, said), []
    for index, row in enumerate(rows):
        found, true = names[said[index]], names[predictions.labels[row]]
        sure = f"{100 * predictions.confidence[row]:.0f} %"
        caption = f"<b>{escape(found)}</b>, {sure} sure"
        right = said[index] == predictions.labels[row]
        if not right:
            caption += f"; is <b>{escape(true)}</b>"
        of = f"{true}, recognized" if right else f"{true}, taken for {found}"
        pictures = [_picture(pixels[index], f"An example of {of}")]
        if heat is not None:
            lit = _lit(pixels[index], heat[index])
            pictures.append(_picture(lit, f"Where the model sees {found}, in red"))
        shown.append(_shown(pictures, caption, files, row))
    return shown


def wrong_labels(
    model: keras.Model,
    predictions: LabelPredictions,
    held_out: HeldOut,
    names: Sequence[str],
    files: Sequence[str] | None,
) -> list[str]:
    """Returns pictures of the surest mistakes in whether an example has a label."""
    wrong = predictions.mistakes()[:MISTAKES]
    if not len(wrong):
        return []
    rows, labels = wrong.T
    x, _ = held_out(rows)
    if np.ndim(x) != 4:
        return []
    pixels, heat, shown = _as_pixels(x), grad_cam(model, x, labels), []
    for index, (row, label) in enumerate(wrong):
        name, share = names[label], predictions.probabilities[row, label]
        missed = predictions.labels[row, label]
        said = "not seen, and is there" if missed else "seen, and is not there"
        sure = f"{100 * (1 - share if missed else share):.0f} %"
        pictures = [_picture(pixels[index], f"An example in which {name} is {said}")]
        if heat is not None:
            lit = _lit(pixels[index], heat[index])
            pictures.append(_picture(lit, f"What speaks for {name}, in red"))
        caption = f"<b>{escape(name)}</b>: {said}; {sure} sure"
        shown.append(_shown(pictures, caption, files, row))
    return shown


def label_maps(
    model: keras.Model,
    counted: PixelCounts,
    held_out: HeldOut,
    files: Sequence[str] | None,
) -> list[str]:
    """Returns pictures of the label maps with the largest shares of wrong pixels."""
    whole = np.maximum(counted.confusions.sum(axis=(1, 2)), 1)
    right = np.trace(counted.confusions, axis1=1, axis2=2) / whole
    rows = np.argsort(right, kind="stable")[:MAPS]
    x, labels = held_out(rows)
    if np.ndim(x) != 4:
        return []
    found, pixels, colors = predict_rows(model, x).argmax(axis=-1), _as_pixels(x), palette()
    shown = []
    for index, row in enumerate(rows):
        pictures = [
            _picture(pixels[index], "A held-out image"),
            _picture(colors[labels[index].astype(int) % len(colors)], "Its classes"),
            _picture(colors[found[index] % len(colors)], "The classes that the model sees"),
        ]
        caption = f"{100 * right[row]:.0f} % of the pixels right: image, truth, prediction"
        shown.append(_shown(pictures, caption, files, row))
    return shown


def _shown(pictures: list[str], caption: str, files: Sequence[str] | None, row: int) -> str:
    name = "" if files is None else escape("/".join(Path(files[row]).parts[-2:]))
    return filled("looked_at.html", pictures="\n".join(pictures), caption=caption, name=name)


def _as_pixels(x: np.ndarray) -> np.ndarray:
    """Returns images as (N, H, W, 3) of uint8, whatever range and channels they have."""
    x = np.asarray(x, np.float64)
    if keras.config.image_data_format() == "channels_first":
        x = np.moveaxis(x, 1, -1)
    if x.shape[-1] != 3:
        x = np.repeat(x.mean(axis=-1, keepdims=True), 3, axis=-1)
    low, high = x.min(), x.max()
    if low < 0 or high <= 1 or high > 255:
        x = 255 * (x - low) / max(high - low, 1e-12)
    return x.astype(np.uint8)


def _lit(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Returns an image in which the places of a map of 0 to 1 are red, and others grey."""
    from PIL import Image

    size = pixels.shape[1::-1]
    large = Image.fromarray((255 * heat).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    share = 0.75 * np.asarray(large, float)[..., None] / 255
    grey = 0.35 * pixels + 0.65 * pixels.mean(axis=-1, keepdims=True)
    return ((1 - share) * grey + share * _HEAT).astype(np.uint8)


def _picture(pixels: np.ndarray, alt: str) -> str:
    from PIL import Image

    image = Image.fromarray(pixels.astype(np.uint8))
    width = max(_WIDTH, min(image.width, 2 * _WIDTH))
    height = max(1, round(image.height * width / image.width))
    small = image.width < _WIDTH // 2  # whose pixels are to be seen
    image = image.resize((width, height), Image.Resampling.NEAREST if small else None)
    buffer = io.BytesIO()
    image.save(buffer, "PNG" if small else "JPEG", quality=85)
    kind = "png" if small else "jpeg"
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img src="data:image/{kind};base64,{content}" alt="{escape(alt)}">'
