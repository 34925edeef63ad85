"""What `advise` chooses in each chapter, from figures, and the sentence that says why."""

from typing import Any

import keras
import numpy as np

from kerasnorm.imbalance import ClassCounts
from kerasnorm.models import gives_logits
from kerasnorm.surgery import kind_of, normalizations
from kerasnorm.transfer import Strategy

Choice = tuple[dict[str, Any], str]  # fields of a Recipe, and why

_BALANCED = "Nothing needs to make up for it."
_ENOUGH_TOGETHER = 16  # examples of all replicas, for the statistics of a batch


def backbone(models: list[keras.Model], found: list[float]) -> tuple[int, list[str]]:
    """Returns the number of the model that tells most of the classes, and says so of several."""
    best = int(np.argmax(found))
    if len(models) == 1:
        return best, []
    figures = ", ".join(
        f"{number}. '{model.name}' {share:.2f}"
        for number, (model, share) in enumerate(zip(models, found, strict=True), start=1)
    )
    return best, [
        f"Backbone: number {best + 1}, '{models[best].name}', whose features tell the classes "
        f"apart best of {len(models)}, on a scale from chance to all: {figures}."
    ]


def transfer(thumb: Strategy, rule: str, rate: float, base_share: float) -> Choice:
    """Chooses by the rule of thumb, or by what was measured against it."""
    why = f"Transfer: {thumb.reason}"
    if rule == "lecture" and thumb.name != "fine_tune":
        name = thumb.name
    else:
        name = "fine_tune"
        if thumb.name != name:
            why += (
                " Chosen all the same: the head is solved, and all layers train from it. With "
                "EfficientNet-Lite0 and 13 or 17 classes of photographs the solved head was ahead "
                "of one trained for ten epochs by 9 to 11 points (docs/real_pictures.md)."
            )
    fields: dict[str, Any] = {"transfer": name}
    if name != "svm":
        fields["optimizer_settings"] = {"learning_rate": rate}
    if name == "fine_tune":
        fields["transfer_settings"] = {
            "base_learning_rate": rate * base_share,
        }
    return fields, why


def imbalance_of_pixels(counts: ClassCounts, having: np.ndarray, from_ratio: float) -> Choice:
    """Chooses by the ratio of the most to the least frequent class of pixels.

    Args:
        counts: The pixels of each class.
        having: (K,), the label maps that have it.
        from_ratio: From which ratio on the loss makes up.
    """
    present = having[having > 0]
    said = _said_of_ratio(counts, "pixels", from_ratio)
    said += f" Each class is in {present.min():,} to {present.max():,} of the label maps."
    if counts.ratio < from_ratio:
        return {}, f"{said} {_BALANCED}"
    settings = {"scheme": "log", **({} if (counts.counts > 0).all() else {"missing": "zero"})}
    return {"imbalance": "class_weights", "imbalance_settings": settings}, (
        f"{said} Bounded (ENet's log) weights found rare digits in scenes that plain training did "
        "not, at an equal mean IoU, 37.7 ± 4.6 against 37.0 ± 2.0 %; balanced softmax did not "
        "help, and adjusting the logits afterwards did harm (docs/measured.md)."
    )


def imbalance_of_two(counts: ClassCounts, from_ratio: float) -> Choice:
    """Chooses for two classes told by one output."""
    said = _said_of_ratio(counts, "examples", from_ratio)
    if counts.ratio < from_ratio:
        return {}, f"{said} {_BALANCED}"
    return {"imbalance": "class_weights"}, (
        f"{said} Both classes weigh the same in the loss, so that 0, or ½ of a sigmoid, parts them "
        "by balanced accuracy. (Other thresholds: correction='tune_thresholds'.)"
    )


def imbalance_of_labels(having: np.ndarray, size: int) -> Choice:
    """Chooses for several labels.

    Args:
        having: (K,), the examples that have each label.
        size: of how many.
    """
    present = having[having > 0]
    return {}, (
        f"Imbalance: the most frequent label has {present.max():,} of {size:,} examples and the "
        f"rarest {present.min():,}. Average precision ranks the examples of each label by itself, "
        "so that no weights make up for it. (For decisions: correction='tune_thresholds'.)"
    )


def imbalance_of_contours(counts: ClassCounts) -> Choice:
    """Says what the loss of contours does."""
    background, contour = counts.counts
    share = contour / max(background + contour, 1)
    return {}, (
        f"Imbalance: {share:.1%} of the pixels lie on contours. The loss weighs both classes of an "
        "image the same, and the threshold is chosen afterwards (Xie and Tu, 2015)."
    )


def from_scratch(per_class: float, rate: float) -> Choice:
    """Chooses where there are no weights to start from."""
    return {"transfer": "scratch", "optimizer_settings": {"learning_rate": rate}}, (
        f"Transfer: {per_class:g} examples of the median class, and no pretrained weights to start "
        "from: train all layers. With few examples pre-training is worth 19 to 41 points "
        "(tutorials/02_transfer.py)."
    )


def normalization(
    model: keras.Model,
    pretrained: bool,
    trains: bool,
    batch_size: int,
    replicas: int,
    small: float,
) -> Choice:
    """Chooses by the number of examples per replica and batch.

    Args:
        model: Its normalization counts.
        pretrained: Whether it has learnt something.
        trains: Whether its base trains.
        batch_size: Examples per step.
        replicas: Devices that share them.
        small: From how few examples per replica on they are too few.
    """
    kinds = {kind_of(leaf.layer) for leaf in normalizations(model)}
    each = batch_size / replicas
    where = f"{each:g} examples per replica" if replicas > 1 else f"{each:g} examples per batch"
    said = f"Normalization: {where} (small: up to {small:g})"
    if "batch" not in kinds:
        found = f"{', '.join(sorted(kinds))} normalization" if kinds else "no normalization"
        return {}, f"{said}; the model has {found}, which does not depend on them. As it is."
    if not trains:
        return {}, f"{said}; the base stays at inference, where they do not matter. As it is."
    if pretrained:
        return {}, (
            f"{said}; the network has learnt with batch normalization and keeps it, at inference, "
            "where they do not matter. As it is."
        )
    if each > small:
        return {}, f"{said} are enough for batch normalization. As it is."
    if replicas > 1 and batch_size >= _ENOUGH_TOGETHER:
        return {"normalization": "sync_batch"}, (
            f"{said} are too few for the statistics of batch normalization; the {batch_size} of "
            "all replicas are not: synchronized."
        )
    return {"normalization": "group"}, (
        f"{said} are too few for the statistics of batch normalization. Group normalization does "
        "not depend on the batch, and was ahead with every seed at 2 and 4 (docs/measured.md)."
    )


def imbalance(model: keras.Model, trains: bool, counts: ClassCounts, from_ratio: float) -> Choice:
    """Chooses by the ratio of the most to the least frequent class."""
    said = _said_of_ratio(counts, "examples", from_ratio)
    if counts.ratio < from_ratio:
        return {}, f"{said} {_BALANCED}"
    if not trains:
        return {}, f"{said} A linear SVM is fitted as the examples are."
    if not gives_logits(model):
        return {"imbalance": "resample"}, (
            f"{said} Rare classes are drawn more often, which gained 2.5 points of balanced "
            "accuracy on long-tailed digits (docs/measured.md); with logits there is better."
        )
    return {"loss": "balanced_softmax"}, (
        f"{said} Balanced softmax gained most on long-tailed digits, 4.4 points of balanced "
        "accuracy (docs/measured.md)."
    )


def _said_of_ratio(counts: ClassCounts, unit: str, from_ratio: float) -> str:
    present = counts.counts[counts.counts > 0]
    return (
        f"Imbalance: the largest class has {present.max():,} {unit} and the smallest "
        f"{present.min():,}, a ratio of {counts.ratio:.3g} (imbalanced: from {from_ratio:g} on)."
    )
