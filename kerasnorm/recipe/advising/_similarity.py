"""How much of a task the features of a model already tell, and what more would cost and bring."""

import time
from dataclasses import dataclass

import keras
import numpy as np

from kerasnorm.backend.engine import resolve_jit
from kerasnorm.recipe.examples import Examples
from kerasnorm.transfer import solve_head
from kerasnorm.transfer.fine_tuning import HeadSplit, split_at_head

PER_CLASS, FOLDS = 50, 5
_WORTH = 0.02  # of recognition, from half of the sample to all of it
_BACKWARD = 3  # times the forward pass is a step of all layers, about


@dataclass(frozen=True)
class Sample:
    """Features of some examples.

    Attributes:
        features: (M, D).
        labels: (M,), classes with two examples or more.
        seconds: Time for the features of one example.
        head: The name of the layer that they are for.
    """

    features: np.ndarray
    labels: np.ndarray
    seconds: float
    head: str


def measure_similarity(
    model: keras.Model, examples: Examples, seed: int, epochs: int
) -> tuple[float, list[str]]:
    """Returns how well a model's features tell the classes apart, 0 to 1, and what that means.

    That is the balanced accuracy of a solved head on the features, in cross-validation on a sample
    of up to 50 examples per class, from chance (0) to all (1).

    Raises:
        ValueError: If there are not two classes with two examples each, or the model has no graph.
    """
    rows = _rows(examples.classes, np.random.default_rng(seed))
    sample = sample_of(model, examples, rows)
    recognised = _recognised(sample.features, sample.labels)
    count, classes = len(sample.labels), len(np.unique(sample.labels))
    similarity, said = on_a_scale(recognised, 1 / classes, sample.head, f"{count} examples", FOLDS)
    return similarity, [
        said,
        _learning_curve(sample, recognised, seed),
        cost_of(sample, examples.size, epochs),
    ]


def on_a_scale(
    recognised: float, chance: float, head: str, of: str, folds: int
) -> tuple[float, str]:
    """Returns the share of each class that is recognized from chance (0) to all (1), in words too.

    Args:
        recognised: Mean over classes.
        chance: Recall of a random guess.
        head: The name of the layer that the features are for.
        of: Number and kind of the examples.
        folds: Number of folds of the cross-validation.
    """
    similarity = round(max(0.0, float((recognised - chance) / (1 - chance))), 2)
    return similarity, (
        f"Similarity: a linear classifier on the features below '{head}' recognizes "
        f"{recognised:.0%} of each class on average, in {folds} folds of {of}; chance is "
        f"{chance:.0%}. On a scale from chance to all that is {similarity:.2f}."
    )


def split_below_head(model: keras.Model) -> HeadSplit:
    """Returns the two parts of a model, or raises ValueError if it cannot be cut."""
    split = split_at_head(model)
    if split is None:
        raise ValueError(
            f"The features of '{model.name}' of class {type(model).__name__} cannot be taken out "
            "of it: it has no graph, or nothing below its head. Pass `similarity`, 0 to 1."
        )
    return split


def _recognised(features: np.ndarray, labels: np.ndarray) -> float:
    head = solve_head(features, np.unique(labels, return_inverse=True)[1])
    return head.scores[head.penalty]


def _learning_curve(sample: Sample, recognised: float, seed: int) -> str:
    """Says whether more examples would help, by what half of them do."""
    order = np.random.default_rng(seed).permutation(len(sample.labels))
    order = order[np.argsort(sample.labels[order], kind="stable")]
    half = order[::2]
    before = _recognised(sample.features[half], sample.labels[half])
    helps = recognised - before >= _WORTH
    return (
        f"More images: from half of these examples to all of them that classifier goes from "
        f"{before:.0%} to {recognised:.0%}, so more would {'help' if helps else 'help little'}."
    )


def cost_of(sample: Sample, size: int, epochs: int) -> str:
    """Says what a training of so many examples will take."""
    once = sample.seconds * size
    return (
        f"Cost: the features of an example take {1000 * sample.seconds:.3g} ms here, so those of "
        f"all {size:,} about {once:.2g} s, and {epochs} epochs of all layers about "
        f"{epochs * _BACKWARD * once:.2g} s."
    )


def sample_of(model: keras.Model, examples: Examples, rows: np.ndarray) -> Sample:
    """Returns the features of some examples, and their labels."""
    split = split_below_head(model)
    split.base.compile(jit_compile=resolve_jit("auto"))
    labels, features, seconds = [], [], []
    began = time.perf_counter()
    for batch_labels, batch, *_ in examples.outputs(split.base, rows):
        labels.append(batch_labels)
        features.append(batch.reshape(len(batch), -1))
        seconds.append((time.perf_counter() - began) / len(batch))
        began = time.perf_counter()
    usual = min(seconds)  # the first batch compiles
    head = split.top.layers[-1].name
    return Sample(np.concatenate(features), np.concatenate(labels), usual, head)


def _rows(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the rows of up to 50 examples of each class that has two or more."""
    classes, counts = np.unique(labels, return_counts=True)
    chosen = [
        rng.permutation(np.flatnonzero(labels == name))[:PER_CLASS]
        for name, count in zip(classes, counts, strict=True)
        if count > 1
    ]
    if len(chosen) < 2:
        raise ValueError(
            "Two classes with two examples each are needed to measure the similarity. Received: "
            f"{dict(zip(classes.tolist(), counts.tolist(), strict=True))}. Pass `similarity`."
        )
    return np.sort(np.concatenate(chosen))
