"""`replace_normalization`: another normalization in a whole model."""

import warnings
from typing import Any

import keras

from kerasnorm._validation import joined, listed
from kerasnorm.models import Leaf, copy_with_twins, every_layer, finish, has_statistics, plain_class
from kerasnorm.surgery._calibrate import calibrate as set_from_examples
from kerasnorm.surgery._choose import Where, choose
from kerasnorm.surgery._kinds import KNOWN, kind_of
from kerasnorm.surgery._report import Replacement, Report
from kerasnorm.surgery._standardize import standardize
from kerasnorm.surgery._translate import Target, as_target, put_in_place, translate

_CLOSED = (
    keras.layers.TFSMLayer,
    keras.layers.TorchModuleWrapper,
    keras.layers.JaxLayer,
    keras.layers.FlaxLayer,
)
_BY_STEP = ("layer", "group")  # kinds without statistics that each step would move


def replace_normalization(
    model: keras.Model,
    to: str | dict[str, Any] | keras.Layer | type[keras.Layer],
    where: Where | None = None,
    *,
    weight_standardization: bool | Where = False,
    calibrate: Any = None,
    **kwargs: Any,
) -> Replacement:
    """Returns a new model with another normalization; the given one stays as it is.

    For training at small batches (batch normalization to "group"), or with the exact layers of
    this package in place of Keras' own (to "batch"). γ and β are carried over, so is the ε unless
    given, and moving statistics from one batch normalization to another. All else is kept: other
    weights, names, inputs, dtype policies, flags at every level, regularizers, what preprocessing
    layers know, and how the model is compiled. The optimizer keeps its state if the trainable
    variables still correspond one to one; else it starts anew and a warning says so. Train the new
    model: features that were learnt under another normalization are only a start. Moving
    statistics that are new start at 0 and 1; see `recompute_statistics`.

    Args:
        model: built keras.Model: functional, Sequential or subclassed. Nested models, shared
            layers, wrappers, recurrent cells and custom layers that hold layers in attributes,
            lists or dicts are entered.
        to: a name of `kerasnorm.normalization.names()`, a configuration or a layer as
            `kerasnorm.normalization.get` takes it, or a class.
        where: which layers: a regex searched in the path, a class, or a function of a layer.
            None: every normalization layer but those that already are what is asked for.
        weight_standardization: whether convolutions compute with standardized kernels from now
            on, as in the recipe of Big Transfer: those up to the last layer replaced that have no
            activation of their own; or which, as `where`.
        calibrate: examples without labels, an array (N, ...) or what else `recompute_statistics`
            takes: γ and β of each new layer are set so that each channel has the mean and the
            standard deviation, over these examples, that it had under the old one; front to back,
            each layer on what the layers set before it give. They run as one batch: 64 to 256
            are usually enough. Layers that cannot be set, and why, are in
            `report.not_calibrated`. Defaults to None: γ and β are carried over.
        **kwargs: arguments of the new layers. Where `groups` (32 by default) does not divide the
            channels, the largest divisor below is taken, and reported.

    Returns:
        `Replacement(model, report)`. `report.replaced`, `.kept` and `.refused` are lists of paths.
        A warning names those that are refused: layers in whose place the new one cannot stand,
        which stay as they are. Files load after `import kerasnorm`.

    Raises:
        ValueError: if nothing can be replaced, an argument is wrong, or the model cannot be copied
            or entered: the message has the path of the layer. Nothing is changed then.

    Example:

    >>> layers = [keras.layers.Conv2D(48, 3), keras.layers.BatchNormalization(name="bn")]
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    >>> grouped, report = replace_normalization(model, "group")
    >>> grouped.get_layer("bn").groups, report.groups
    (24, {'bn': 24})

    References:
        Wu and He, 2018, https://arxiv.org/abs/1803.08494
        Kolesnikov et al., 2020, Big Transfer, https://arxiv.org/abs/1912.11370
    """
    target = as_target(to, kwargs)
    layers = every_layer(model)
    found = [leaf for leaf in layers if kind_of(leaf.layer) or _is_foreign(leaf.layer)]
    chosen = {id(leaf.layer) for leaf in choose(found, "where", where)}
    report = Report()
    _refuse_closed(layers, where, report)
    new, twins = copy_with_twins(model)
    replaced: list[tuple[Leaf, Leaf]] = []
    for leaf in found:
        if id(leaf.layer) not in chosen or target.is_met_by(leaf.layer):
            report.kept.append(leaf.path)
        elif _replace(twins[id(leaf.layer)], target, report):
            replaced.append((leaf, twins[id(leaf.layer)]))
    changed = [twin for _, twin in replaced]
    if not changed and not (found and not report.refused):
        raise ValueError(_nothing(model, report))
    changed += standardize(new, changed, weight_standardization, report)
    if report.refused:
        warnings.warn(f"{_refusals(report)} The rest is replaced.", stacklevel=2)
    new = finish(new, model, changed)
    if calibrate is not None:
        set_from_examples(model, new, replaced, calibrate, report)
    return Replacement(new, report)


def _replace(leaf: Leaf, target: Target, report: Report) -> bool:
    """Replaces a layer in place, or notes why it cannot be; returns which."""
    old = leaf.layer
    try:
        _check_fits(leaf, target)
        new = translate(old, target)
    except ValueError as error:
        report.refuse(leaf.path, error)
        return False
    put_in_place(old, new)
    report.replaced.append(leaf.path)
    if getattr(old, "groups", None) not in (None, target.given.get("groups", 32)):
        report.groups[leaf.path] = old.groups
    return True


def _check_fits(leaf: Leaf, target: Target) -> None:
    if kind_of(leaf.layer) is None:
        name = plain_class(leaf.layer).__name__
        raise ValueError(f"It is not known what {name} computes. Make it a known layer yourself.")
    if leaf.in_recurrent and kind_of(target.template) not in _BY_STEP:
        raise ValueError(
            "In a recurrent cell each step would be normalized on its own and move statistics: "
            f"only {listed(_BY_STEP)} can stand there."
        )


def _is_foreign(layer: keras.Layer) -> bool:
    """Returns whether it is somebody's layer with moving statistics, of an unknown formula."""
    return kind_of(layer) is None and has_statistics(layer)


def _refuse_closed(layers: list[Leaf], where: Where | None, report: Report) -> None:
    """Refuses models of other frameworks inside, unless `where` says which layers matter."""
    closed = [leaf for leaf in layers if isinstance(leaf.layer, _CLOSED)]
    if closed and where is None:
        raise ValueError(
            f"The layer at '{closed[0].path}' is a {type(closed[0].layer).__name__}, whose inside "
            "Keras cannot enter: normalization in it would stay. Say with `where` which layers to "
            "replace, for example where='', to leave it as it is."
        )
    for leaf in closed:
        report.refuse(leaf.path, f"{type(leaf.layer).__name__} cannot be entered.")


def _refusals(report: Report) -> str:
    refused = [f"'{path}': {report.reasons[path].removesuffix('.')}" for path in report.refused]
    shown = joined(refused, most=5, between="; ")
    return f"{len(refused)} layers cannot be replaced and stay: {shown}."


def _nothing(model: keras.Model, report: Report) -> str:
    if report.refused:
        return f"Nothing is replaced in model '{model.name}': {_refusals(report)}"
    return (
        f"Model '{model.name}' has no normalization layer to replace: expected one of "
        f"{listed(sorted(cls.__name__ for cls in KNOWN))}, or a subclass."
    )
