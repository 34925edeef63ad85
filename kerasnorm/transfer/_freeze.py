"""`freeze` and `unfreeze`: flags that hold in `fit`, in files and in models of every kind."""

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

    The first step of transfer learning: a pretrained base stays as it is while a new head learns.
    Leaf layers that have weights are counted bottom up, in the order of the computation, through
    nested models, wrappers and custom layers; a subclassed model's come as they were assigned.

    Args:
        model: built keras.Model of any kind. Compile it (again) before `fit`.
        until: what to freeze.
            int: the first so many layers (0 to all of them).
            float: a share of the layers in [0, 1], rounded to the nearest count.
            str: a layer's name or path (`base/conv1`) means up to and including it; a nested
            model's, up to the end of it; so does a block's, which is what the names of its layers
            begin with (`conv2_block1` for `conv2_block1_*`, `block5` for `block5a_*` and on). Any
            other string is a regex.
            re.Pattern: the layers in whose path it is found, and nothing else.
            function of a layer: the leaf layers for which it is true, and nothing else.
        batchnorm: how layers with moving statistics are frozen. "inference": statistics, γ and β
            stay. "train": γ and β stay, statistics go on. "affine_only": γ and β train,
            statistics stay.

    Returns:
        `Change(frozen, unfrozen)`: the paths of the layers that train less, or more, than before.
        It holds after `compile` and `fit`; files load after `import kerasnorm`.

    Raises:
        ValueError: if nothing matches, a name means several layers, a number is out of range or
            the model is not built. Nothing is changed then.

    Example:

    >>> names = ("conv1", "conv2", "head")
    >>> layers = [keras.layers.Dense(4, name=name) for name in names]
    >>> model = keras.Sequential([keras.Input((3,)), *layers])
    >>> freeze(model, until="conv2")
    Change(frozen=['conv1', 'conv2'], unfrozen=[])

    Reference:
        Yosinski et al., 2014, https://arxiv.org/abs/1411.1792
    """
    check_choice("batchnorm", batchnorm, BATCHNORM)
    found = leaves(model)
    below, _ = split(found, "until", until)
    return _apply(model, found, below, False, batchnorm)


def unfreeze(model: keras.Model, above: Boundary, batchnorm: str = "inference") -> Change:
    """Trains the upper layers of a model again, inside frozen nested models too.

    The second step of transfer learning, at a smaller learning rate. What lies below stays as it
    was, trainable or not.

    Args:
        model: built keras.Model of any kind. Compile it (again) before `fit`.
        above: what stays below, as `until` of `freeze`: the layers after it are trained. A regex
            or a function chooses the very layers to train, and nothing else.
        batchnorm: what becomes of layers with moving statistics in that region. "inference":
            statistics, γ and β stay, as Keras' guide to fine-tuning has it. "train": they train
            as all the rest. "affine_only": γ and β train, statistics stay.

    Returns:
        `Change(frozen, unfrozen)`: the paths of the layers that train less, or more, than before.

    Raises:
        ValueError: if nothing matches, a name means several layers, a number is out of range or
            the model is not built. Nothing is changed then.

    Example:

    >>> names = ("conv1", "conv2", "head")
    >>> layers = [keras.layers.Dense(4, name=name) for name in names]
    >>> model = keras.Sequential([keras.Input((3,)), *layers])
    >>> model.trainable = False
    >>> unfreeze(model, above="conv1")
    Change(frozen=[], unfrozen=['conv2', 'head'])

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
