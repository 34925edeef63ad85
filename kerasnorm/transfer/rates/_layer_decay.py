"""Computes multipliers that decrease geometrically from the head down."""

import re
from collections.abc import Sequence
from typing import Any

import keras

from kerasnorm._validation import as_number, as_pattern, listed
from kerasnorm.models import Leaf, leaves
from kerasnorm.transfer.rates._rate_groups import RateGroup


def layer_decay(
    model: keras.Model, decay: float, blocks: Sequence[str | re.Pattern[str]] | None = None
) -> dict[keras.Layer, float]:
    """Computes multipliers for `LayerwiseLearningRate`: 1 for the head, smaller at each step below.

    The k-th step below the head has the multiplier `decay ** k`. Frozen layers are included, so
    that they have multipliers when they are unfrozen.

    Args:
        model: Built keras.Model of any kind.
        decay: A float in (0, 1]; 0.65 to 0.9 is usual where blocks are the steps.
        blocks: Regexes searched in the paths of layers, from the bottom up, such as
            ["conv1", "conv2", "conv3"]: each is a step, and everything above is the head.
            Defaults to None: every layer with weights is a step, and the topmost is the head.

    Returns:
        Dict of float by layer, bottom up; weights that a layer has besides those of the layers
        inside, as a ViT's class token, have a key of their own.

    Raises:
        ValueError: For a model that is not built, a decay out of range, a block without layers,
            and a layer with weights in two blocks, or below the last block and in none.

    Example:

    >>> model = keras.Sequential([keras.Input((4,))])
    >>> for name in ("conv1", "conv2", "head"):
    ...     model.add(keras.layers.Dense(4, name=name))
    >>> {layer.name: rate for layer, rate in layer_decay(model, 0.5).items()}
    {'conv1': 0.25, 'conv2': 0.5, 'head': 1.0}

    See also:
        `LayerwiseLearningRate`, which takes the result; `GradualUnfreezing`.

    References:
        Clark et al., 2020, ELECTRA: pre-training text encoders as discriminators rather than
        generators, https://arxiv.org/abs/2003.10555
        Bao et al., 2022, BEiT: BERT pre-training of image transformers,
        https://arxiv.org/abs/2106.08254
    """
    decay = as_number("decay", decay, 0, 1, interval="(]")
    weighted = [leaf for leaf in leaves(model) if leaf.weights]
    if blocks is None:
        steps = [len(weighted) - 1 - index for index in range(len(weighted))]
    else:
        steps = _steps(weighted, list(blocks))
    return {_key(leaf): decay**step for leaf, step in zip(weighted, steps, strict=True)}


def _key(leaf: Leaf) -> Any:
    """Returns the layer; of one with weights beside those of the layers inside, these alone."""
    name, layer = leaf.layer.name, leaf.layer
    return RateGroup(layer_name=name, layer=layer, own=True) if leaf.own else layer


def _steps(weighted: list[Leaf], blocks: list[str | re.Pattern[str]]) -> list[int]:
    """Returns how many steps below the head each leaf is."""
    if not blocks:
        raise ValueError("`blocks` should have at least one regex, or be None. Received: none.")
    patterns = [as_pattern("blocks", block) for block in blocks]
    found = [[i for i, p in enumerate(patterns) if p.search(leaf.path)] for leaf in weighted]
    used = {index for matching in found for index in matching}
    empty = [block for index, block in enumerate(blocks) if index not in used]
    if empty:
        raise ValueError(
            f"`blocks` {listed(empty)} match no layer with weights. "
            f"The model has {listed(leaf.path for leaf in weighted)}."
        )
    last = max(index for index, matching in enumerate(found) if matching)
    wrong = [leaf.path for leaf, m in zip(weighted[:last], found, strict=False) if len(m) != 1]
    if wrong or len(found[last]) != 1:
        raise ValueError(
            "Each layer with weights up to the last block should be in one of `blocks`. Received: "
            f"blocks={blocks!r}, where {listed(wrong or [weighted[last].path])} are in none or in "
            "several."
        )
    return [len(blocks) - matching[0] if matching else 0 for matching in found]
