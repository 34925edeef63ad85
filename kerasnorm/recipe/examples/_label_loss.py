"""The loss of a recipe for labels that an example has or not."""

import numpy as np

from kerasnorm.imbalance import LabelCrossentropy
from kerasnorm.recipe._recipe import Recipe


def label_loss(recipe: Recipe, weights: np.ndarray | None, logits: bool) -> LabelCrossentropy:
    """Returns the binary cross-entropy, or the focal one.

    Args:
        recipe: its `alpha` multiplies all labels, or the absence and the presence of one.
        weights: of absence and presence of each label, (K, 2); None: 1 each.
        logits: whether predictions are logits.

    Raises:
        ValueError: if `alpha` has other numbers.
    """
    settings = dict(recipe.loss_settings)
    gamma = settings.get("gamma", 2.0) if recipe.loss == "focal" else 0.0
    alpha = np.atleast_1d(settings.get("alpha") or 1.0)
    if alpha.shape not in ((1,), (2,)):
        raise ValueError(
            "`alpha` of loss='focal' should be a number, or two: of the absence and the presence "
            f"of a label. Received: {settings['alpha']!r}."
        )
    if (alpha != 1).any():
        weights = (
            alpha
            * np.ones((1, 2) if weights is None else weights.shape)
            * (1.0 if weights is None else weights)
        )
    return LabelCrossentropy(gamma, weights, logits)
