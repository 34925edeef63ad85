"""A trained model judged by held-out examples."""

from collections.abc import Sequence

import keras
import numpy as np

from kerasnorm.models import gives_logits
from kerasnorm.recipe.examples import Examples
from kerasnorm.recipe.results import (
    Evaluation,
    LabelPredictions,
    PixelCounts,
    Predictions,
    Recorder,
)


def evaluated(
    model: keras.Model, examples: Examples | None, names: Sequence[str], train_counts: np.ndarray
) -> tuple[Evaluation | None, Predictions | LabelPredictions | PixelCounts | None]:
    """Returns the evaluation of a model on examples, and what it says of each; None without any.

    Args:
        model: the model.
        examples: those held out, or None.
        names: of the K classes.
        train_counts: (K,) the examples of each in training.
    """
    if examples is None:
        return None, None
    kind, logits = examples.kind, gives_logits(model)
    recorder = Recorder(len(names), logits, kind.ignore_class)
    batches = recorder.passing(examples.outputs(model))
    found = kind.evaluation.of(names, train_counts, batches, logits, kind.ignore_class)
    return found, recorder.result()
