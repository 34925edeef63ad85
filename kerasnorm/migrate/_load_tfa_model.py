"""Loads models and weights of TensorFlow Addons and Keras 2."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras

from kerasnorm._types import StrPath
from kerasnorm.migrate._activations import warn_of_others
from kerasnorm.migrate._building import MODELS, Builder, is_model
from kerasnorm.migrate._compiled import describe_dropped
from kerasnorm.migrate._custom import Custom, checked, line_to_write
from kerasnorm.migrate._files import naming_the_file, read_model, read_weights
from kerasnorm.migrate._keras_3 import load_repaired
from kerasnorm.migrate._models import make_model
from kerasnorm.migrate._plan import Plan
from kerasnorm.migrate._twins import Twin, make_twin
from kerasnorm.migrate._values import Saved
from kerasnorm.models import every_layer, graph_of, leaves, remember, set_statistics

Translated = list[tuple[str, str, str]]


def load_tfa_model(
    path: StrPath,
    custom_objects: Mapping[str, Any] | None = None,
    weights: StrPath | None = None,
    safe_mode: bool = True,
) -> keras.Model:
    """Loads a model of TensorFlow Addons or Keras 2 as a Keras 3 model.

    Use it for files that `keras.saving.load_model` cannot read: with layers of TensorFlow Addons,
    with nested models, or in a format that Keras 3 no longer supports. Neither TensorFlow Addons
    nor Keras 2 needs to be installed. Outputs, names, `trainable` flags at every level and steps of
    SGD are those of the old model. Layers of TensorFlow Addons become layers of
    `kerasnorm.normalization`; so does batch normalization of images, to keep the unbiased moving
    variance of Keras 2.

    Args:
        path: Path of an .h5 file, a .keras file of Keras 2, or the folder of a SavedModel, written
            by `model.save` of a functional or Sequential model; of a .json file (or its text) from
            `model.to_json`; or of model.json of TensorFlow.js, or its folder.
        custom_objects: Dict of your own classes and functions, written for Keras 3, by their names
            in the file: `{"MyLayer": MyLayer}`. Those of `custom_object_scope` and registered ones
            are found, too. Pass the function of a Lambda layer under the name of the layer.
            Defaults to None. Defaults to None.
        weights: Path of the weights, if they are in another file. Defaults to None. Defaults to
            None.
        safe_mode: Whether to refuse the code of Lambda layers in the file. False runs it, in Python
            3.11; use it only for files that you trust. No other code in a file is ever run.
            Defaults to True.

    Returns:
        A built, uncompiled model. A warning names the loss, optimizer and metrics
        that it was compiled with, and what replaces those of TensorFlow Addons. A slash in the
        name of a layer becomes an underscore, as Keras 3 requires. Once saved as .keras, it loads
        after `import kerasnorm`.

    Raises:
        OSError: If there is no such file.
        TypeError: If `custom_objects` is no dict of classes and functions by names.
        ValueError: If the file is damaged or of another kind; if a layer or one of its arguments
            has no equivalent here, or weights and layers do not match: the message names the
            layer and says what to do.

    Example:

    >>> from kerasnorm import load_tfa_model
    >>> model = load_tfa_model("old_model.h5")  # doctest: +SKIP
    >>> model = load_tfa_model("model.json", weights="weights.h5")  # doctest: +SKIP
    >>> model.save("new_model.keras")  # doctest: +SKIP

    See also:
        `load_tfa_weights`, for models that you rebuild.
    """
    model, _, dropped = load_and_list(path, safe_mode, custom_objects, weights)
    if dropped:
        warnings.warn(dropped, stacklevel=2)
    return model


def load_and_list(
    path: StrPath,
    safe_mode: bool,
    custom_objects: Mapping[str, Any] | None = None,
    weights: StrPath | None = None,
) -> tuple[keras.Model, Translated, str | None]:
    """Returns the model, the translation of each layer, and what is dropped."""
    custom = checked(custom_objects)
    with naming_the_file(path):
        repaired = load_repaired(path, custom, safe_mode) if weights is None else None
        if repaired is not None:
            return repaired, [], None
        old, stored = read_model(path, weights)
        _check_kind(old.saved, custom)
        builder = Builder(make_model, custom, safe_mode)
        model = make_model(builder, old.saved)
        twin = make_twin(model, "", builder.old_classes, builder.old_orders)
        _plan(twin, stored.match(twin)).assign()
    _finish(model)
    _keep_still(model, builder.still)
    return model, builder.translated, describe_dropped(old.training)


def load_tfa_weights(model: keras.Model, path: StrPath) -> None:
    """Loads weights of TensorFlow Addons or Keras 2 into a model.

    Use it for models that you rebuild with Keras 3 and kerasnorm, because `load_tfa_model` refuses
    them or the file has weights only. Either all weights fit, or none is assigned.

    Args:
        model: Built keras.Model, functional or Sequential, with the layers of the old one in the
            same order. Layers without weights do not matter, nor do names: if the names of the
            file differ, layers are matched by order. `kerasnorm.normalization`'s layers take
            the weights of TensorFlow Addons' of the same names, a TLU if its threshold does not
            differ between positions.
        path: Path of a file from `save_weights`: an .h5 or .weights.h5 file, or the prefix of a
            TensorFlow checkpoint (the name without `.index`); or a whole model's file. Weights of
            CuDNNLSTM and CuDNNGRU fit LSTM and GRU.

    Warns:
        UserWarning: if layers have an activation of Keras 3 that was another one in Keras 2
            (`hard_sigmoid`); `kerasnorm.migrate` has the old ones.

    Raises:
        OSError: If there is no such file.
        ValueError: If the file is damaged or of another kind, the model is not built, or a layer
            has other weights than the file; the message names it. In that case the model is
            unchanged.

    Example:

    >>> import kerasnorm as kn
    >>> layers = [keras.layers.Conv2D(8, 3), kn.GroupNormalization(4)]
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    >>> kn.load_tfa_weights(model, "old.weights.h5")  # doctest: +SKIP

    See also:
        `load_tfa_model`, which also creates the model.
    """
    leaves(model)  # refuses what is not built
    if graph_of(model) is None:
        raise ValueError(
            f"Model '{model.name}' of class {type(model).__name__} should be functional or "
            "Sequential: the order of a subclassed model's layers is not known."
        )
    twin = make_twin(model)
    with naming_the_file(path):
        _plan(twin, read_weights(path).match(twin)).assign()
    _finish(model)
    warn_of_others((leaf.path, leaf.layer) for leaf in every_layer(model))


def _check_kind(saved: Saved, custom: Custom) -> None:
    known = saved.name in MODELS and isinstance(saved.config.get("layers"), list)
    if not known and not is_model(custom.find(saved.name), saved):
        line = ""
        if saved.name not in MODELS and isinstance(saved.config.get("layers"), list):
            line = f"If the class is yours, give it: {line_to_write(saved.name)}. "
        raise ValueError(
            f"The file holds a {saved.name!r}, which is no functional or Sequential model: its "
            f"computation is code, which is not in the file. {line}Rebuild it in Keras 3 and use "
            "`load_tfa_weights`."
        )


def _plan(twin: Twin, plan: Plan) -> Plan:
    """Refuses a model with weights that no file of Keras 2 could have."""
    known = {id(slot.variable) for slot in twin.every_slot()}
    ours = {id(v) for each in twin.every() if _is_wrapper(each) for v in each.layer.weights}
    for leaf in every_layer(twin.layer):
        for variable in leaf.weights:
            if id(variable) not in known | ours and variable not in plan:
                raise ValueError(
                    f"Layer '{leaf.path}': it is not known where a file of Keras 2 has its weight "
                    f"'{variable.name}'. Load its weights yourself."
                )
    return plan


def _is_wrapper(twin: Twin) -> bool:
    return bool(twin.settle) or any(slot.names[0] == "w" for slot in twin.slots)


def _finish(model: keras.Model) -> None:
    for leaf in every_layer(model):
        if isinstance(leaf.layer, keras.layers.Normalization):
            leaf.layer.finalize_state()


def _keep_still(model: keras.Model, still: list[keras.Layer]) -> None:
    """Freezes the statistics that the old model called with `training=False`."""
    ids = {id(layer) for layer in still}
    for leaf in leaves(model) if still else ():
        if leaf.has_statistics and any(id(node) in ids for node in leaf.nodes):
            set_statistics(leaf.layer, False)
            remember(leaf.holders)
