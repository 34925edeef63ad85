"""Replaces the normalization in a whole model."""

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
    """Replaces the normalization of a whole model, in a new model.

    Use it to train with small batches (batch normalization to "group"), or with the more accurate
    layers of this package instead of Keras' own (to "batch"). γ and β are copied, ε too unless
    given, and moving statistics from one batch normalization to another. Everything else is kept:
    other weights, names, inputs, dtype policies, flags at every level, regularizers, the state of
    preprocessing layers, and compile settings. The optimizer keeps its state if the trainable
    variables still correspond one to one; otherwise it is reset and a warning says so. Train the
    new model: features learned with another normalization are only a start. New moving statistics
    start at 0 and 1; see `recompute_statistics`.

    Args:
        model: Built keras.Model: functional, Sequential or subclassed. Nested models, shared
            layers, wrappers, recurrent cells and custom layers that hold layers in attributes,
            lists or dicts are entered.
        to: A name of `kerasnorm.normalization.names()`, a configuration or a layer as
            `kerasnorm.normalization.get` takes it, or a class.
        where: Layers to replace: a regex searched in the path, a class, or a function of a layer.
            Defaults to None, for every normalization layer that is not already as requested.
        weight_standardization: Whether convolutions use standardized kernels, as in Big Transfer:
            those before the last replaced layer that have no activation; or a selection like
            `where`. Defaults to False.
        calibrate: Examples without labels, an array (N, ...) or other data as for
            `recompute_statistics`: sets γ and β of each new layer so that each channel keeps its
            mean and standard deviation over these examples, front to back. They run as one batch;
            64 to 256 are usually enough. `report.not_calibrated` has the layers that cannot be
            set, with reasons. Defaults to None: γ and β are copied.
        **kwargs: Arguments of the new layers. Where `groups` (32 by default) does not divide the
            channels, the largest divisor below is taken, and reported.

    Returns:
        `Replacement(model, report)`. `report.replaced`, `.kept` and `.refused` are lists of paths.
        A warning names the refused layers, which the new normalization cannot replace and which
        stay. Files load after `import kerasnorm`.

    Raises:
        ValueError: If nothing can be replaced, an argument is wrong, or the model cannot be copied
            or entered: the message has the path of the layer. Nothing is changed then.

    Example:

    >>> layers = [keras.layers.Conv2D(48, 3), keras.layers.BatchNormalization(name="bn")]
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    >>> grouped, report = replace_normalization(model, "group")
    >>> grouped.get_layer("bn").groups, report.groups
    (24, {'bn': 24})

    See also:
        `kerasnorm.normalization.get`, which takes the same names; `inspect`;
        `convert_sync_batchnorm`.

    References:
        Wu and He, 2018, Group normalization, https://arxiv.org/abs/1803.08494
        Kolesnikov et al., 2020, Big Transfer (BiT): general visual representation learning,
        https://arxiv.org/abs/1912.11370
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
    """Replaces a layer in place, or records why it cannot; returns which."""
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
        raise ValueError(f"The formula of {name} is unknown. Replace it by a known layer first.")
    if leaf.in_recurrent and kind_of(target.template) not in _BY_STEP:
        raise ValueError(
            "In a recurrent cell each step would be normalized separately and update statistics: "
            f"only {listed(_BY_STEP)} can be used there."
        )


def _is_foreign(layer: keras.Layer) -> bool:
    """Returns whether it is a custom layer with moving statistics and an unknown formula."""
    return kind_of(layer) is None and has_statistics(layer)


def _refuse_closed(layers: list[Leaf], where: Where | None, report: Report) -> None:
    """Refuses nested models of other frameworks, unless `where` selects layers."""
    closed = [leaf for leaf in layers if isinstance(leaf.layer, _CLOSED)]
    if closed and where is None:
        raise ValueError(
            f"The layer at '{closed[0].path}' is a {type(closed[0].layer).__name__}, whose layers "
            "Keras cannot access: their normalization would stay. Select the layers to replace "
            "with `where`, for example where='', to leave it unchanged."
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
