"""What to try next, by what a run has measured."""

from typing import TYPE_CHECKING

import numpy as np

from kerasnorm._validation import joined
from kerasnorm.recipe.results._calibration import Calibration
from kerasnorm.recipe.results._comparison import Comparison, by_class, judged_by, percent
from kerasnorm.recipe.results._difference import difference
from kerasnorm.recipe.results._standing_out import confused_pairs

if TYPE_CHECKING:
    from kerasnorm.recipe.results._run import Run

_FEW = 30  # training examples of a class, or held-out ones
_SHARE = 0.2  # of a class, that is taken for one other class
_GAP = 0.15  # of a score on training and on validation examples


def next_steps(
    run: "Run", comparison: Comparison, scaled: tuple[Calibration, float] | None
) -> list[str]:
    """Returns suggestions, each with the figure that led to it."""
    *others, (name, trials) = comparison.items()
    evaluation, found = trials[0].evaluation, []
    names, unit = evaluation.class_names, evaluation.unit
    for other, baseline in others:
        if difference(trials, baseline).mean <= 0:
            found.append(f"Keep it simple: {name} is not ahead of {other}.")
    mean = by_class(trials, judged_by(comparison)).mean(axis=0)
    counts, support = np.asarray(evaluation.train_counts), evaluation.support
    if unit == "example":
        poor = [k for k in np.argsort(mean) if mean[k] < np.nanmean(mean) and counts[k] < _FEW]
        if poor:
            listed = joined((f"{names[k]} ({counts[k]:,.0f})" for k in poor), most=5)
            found.append(f"Collect more training images of the worst classes: {listed}.")
        few = int((support < _FEW).sum())
        if few:
            of = f"{few} of {len(names)} classes have" if few > 1 else "One class has"
            found.append(
                f"Hold out more images, or train with --folds: {of} fewer than {_FEW}, so that "
                "their figures are uncertain by 10 points and more."
            )
    pairs = [
        f"{names[true]} as {names[said]} ({percent(count / support[true])} %)"
        for true, said, count in confused_pairs(evaluation)
        if unit == "example" and count > 1 and count >= _SHARE * support[true]
    ]
    if pairs:
        listed = joined(pairs, most=4)
        found.append(f"Look through the labels of what is confused most: {listed}.")
    found += _by_curves(run, evaluation.monitor)
    if scaled is not None and not 0.8 < scaled[1] < 1.25 and evaluation.accuracy < 1:
        how = "too sure of itself" if scaled[1] > 1 else "less sure than it could be"
        found.append(
            f"Divide the logits by {scaled[1]:.2f} where probabilities matter: the model is {how}."
        )
    if len(trials) == 1:
        found.append("Train with --seeds 3, to see how much of a difference is chance.")
    return found


def _by_curves(run: "Run", monitor: str) -> list[str]:
    curve, own = run.history.get(monitor), run.history.get(monitor.removeprefix("val_"))
    if not curve or not own or len(curve) < 2:
        return []
    found, best = [], int(np.argmax(curve))
    if best == len(curve) - 1:
        found.append(f"Train longer: the last of {len(curve)} epochs is the best.")
    if own[best] - curve[best] > _GAP and run.recipe.augmentation is None:
        found.append(
            f"Augment (--augmentation light): {percent(own[best])} % on the training images, "
            f"{percent(curve[best])} % on those of validation."
        )
    return found
