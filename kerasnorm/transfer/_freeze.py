"""Freezes and unfreezes layers, so that it holds in `fit`, in files and in nested models."""

import keras

from kerasnorm._validation import check_choice
from kerasnorm.models import (
    Leaf,
    ignores_trainable,
    leaves,
    match_flags,
    remember,
    set_statistics,
    set_trainable,
    statistics_move,
    statistics_set,
)
from kerasnorm.surgery import warn_if_compiled
from kerasnorm.transfer._change import Change
from kerasnorm.transfer._region import Boundary, split

BATCHNORM = ("inference", "train", "affine_only")


def freeze(model: keras.Model, until: Boundary, batchnorm: str = "inference") -> Change:
    """Freezes the lower layers of a model.

    The first step of transfer learning: a pretrained base stays fixed while a new head trains. Leaf
    layers with weights are counted bottom up, in order of computation, through nested models,
    wrappers and custom layers; those of a subclassed model in the order of assignment.

    Args:
        model: Built keras.Model of any kind. Compile it (again) before `fit`.
        until: Layers to freeze.
            int: that many layers from the bottom (0 to all of them).
            float: A share of the layers in [0, 1], rounded to the nearest count.
            str: name or path (`base/conv1`) of a layer, up to and including it; of a nested model
            or a block, up to its end, where a block is the common beginning of layer names
            (`conv2_block1` for `conv2_block1_*`, `block5` for `block5a_*` and so on). Any other
            string is a regex.
            re.Pattern: only the layers in whose path it is found.
            function of a layer: only the leaf layers for which it is true.
        batchnorm: Treatment of layers with moving statistics. "inference": statistics, γ and β
            are fixed. "train": γ and β are fixed, statistics are updated. "affine_only": γ and β
            train, statistics are fixed. Defaults to "inference".

    Returns:
        `Change(frozen, unfrozen)`: the paths of the layers that train less, or more, than before.
        It holds after `compile` and `fit`; files load after `import kerasnorm`.

    Raises:
        ValueError: If nothing matches, a name means several layers, a number is out of range or
            the model is not built. Nothing is changed then.

    Example:

    >>> names = ("conv1", "conv2", "head")
    >>> layers = [keras.layers.Dense(4, name=name) for name in names]
    >>> model = keras.Sequential([keras.Input((3,)), *layers])
    >>> freeze(model, until="conv2")
    Change(frozen=['conv1', 'conv2'], unfrozen=[])

    See also:
        `unfreeze`; `trainable_table`, which shows the result;
        `kerasnorm.surgery.freeze_statistics`, for statistics alone.

    Reference:
        Yosinski et al., 2014, How transferable are features in deep neural networks?,
        https://arxiv.org/abs/1411.1792
    """
    check_choice("batchnorm", batchnorm, BATCHNORM)
    found = leaves(model)
    below, _ = split(found, "until", until)
    return _apply(model, found, below, False, batchnorm)


def unfreeze(model: keras.Model, above: Boundary, batchnorm: str = "inference") -> Change:
    """Unfreezes the upper layers of a model, also inside frozen nested models.

    The second step of transfer learning, at a smaller learning rate. Layers below are unchanged,
    trainable or not.

    Args:
        model: Built keras.Model of any kind. Compile it (again) before `fit`.
        above: Boundary, as `until` of `freeze`: the layers after it are trained. A regex or a
            function selects exactly the layers to train.
        batchnorm: Treatment of layers with moving statistics in that region. "inference":
            statistics, γ and β are fixed, as in Keras' guide to fine-tuning. "train": they train
            like other layers. "affine_only": γ and β train, statistics are fixed. Defaults to
            "inference".

    Returns:
        `Change(frozen, unfrozen)`: the paths of the layers that train less, or more, than before.

    Raises:
        ValueError: If nothing matches, a name means several layers, a number is out of range or
            the model is not built. Nothing is changed then.

    Example:

    >>> names = ("conv1", "conv2", "head")
    >>> layers = [keras.layers.Dense(4, name=name) for name in names]
    >>> model = keras.Sequential([keras.Input((3,)), *layers])
    >>> model.trainable = False
    >>> unfreeze(model, above="conv1")
    Change(frozen=[], unfrozen=['conv2', 'head'])

    See also:
        `freeze`; `GradualUnfreezing`; `trainable_table`.

    Reference:
        Chollet, Transfer learning and fine-tuning, https://keras.io/guides/transfer_learning/
    """
    check_choice("batchnorm", batchnorm, BATCHNORM)
    found = leaves(model)
    _, upper = split(found, "above", above)
    return _apply(model, found, upper, True, batchnorm)


def _apply(
    model: keras.Model, found: list[Leaf], region: list[Leaf], train: bool, batchnorm: str
) -> Change:
    region = [leaf for leaf in region if leaf.weights]
    before = _moving_parts(model, found)
    for leaf in region:
        _set(leaf, train, batchnorm)
    holders = dict.fromkeys(node for leaf in region for node in leaf.holders)
    match_flags(node for node in holders if node is not model)
    if any(weight.trainable for leaf in region for weight in leaf.weights):
        match_flags([model])
    remember(holders)
    pairs = list(zip(found, before, _moving_parts(model, found), strict=True))
    change = Change(
        frozen=[leaf.path for leaf, old, new in pairs if old - new],
        unfrozen=[leaf.path for leaf, old, new in pairs if new - old],
    )
    if any(change):
        warn_if_compiled(model)
    return change


def _set(leaf: Leaf, train: bool, batchnorm: str) -> None:
    layer, trainable, moving = leaf.layer, train, train
    if leaf.has_statistics:
        trainable = {"inference": False, "train": train, "affine_only": True}[batchnorm]
        moving = batchnorm == "train"
    set_trainable(layer, trainable, inside=not leaf.own)
    if not leaf.own:
        set_statistics(layer, _statistics(layer, trainable, moving))


def _statistics(layer: keras.Layer, trainable: bool, moving: bool) -> bool | None:
    """Returns what has to be set where `trainable` alone would not do it."""
    if moving:
        return None if trainable else True
    still = trainable or ignores_trainable(layer) or statistics_set(layer) is False
    return False if still else None


def _moving_parts(model: keras.Model, found: list[Leaf]) -> list[set[int | str]]:
    """Returns for each leaf what `fit` would change of it: variables, by id, and statistics."""
    trained = {id(variable) for variable in model.trainable_variables}
    parts: list[set[int | str]] = []
    for leaf in found:
        moving: set[int | str] = {id(weight) for weight in leaf.weights} & trained
        if leaf.has_statistics and statistics_move(leaf.layer):
            moving.add("statistics")
        parts.append(moving)
    return parts
