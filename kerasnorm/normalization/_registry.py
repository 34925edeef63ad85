"""Creates normalization layers by name, for configurations, searches and command lines."""

from typing import Any

import keras

from kerasnorm._choices import NORMALIZATIONS
from kerasnorm._validation import listed
from kerasnorm.normalization._batch_normalization import BatchNormalization
from kerasnorm.normalization._filter_response_normalization import FilterResponseNormalization
from kerasnorm.normalization._group_normalization import GroupNormalization
from kerasnorm.normalization._instance_normalization import InstanceNormalization
from kerasnorm.normalization._layer_normalization import LayerNormalization
from kerasnorm.normalization._switchable_normalization import SwitchableNormalization
from kerasnorm.normalization._sync_batch_normalization import SyncBatchNormalization

_CLASSES = {
    each.__name__: each
    for each in (
        *(BatchNormalization, SyncBatchNormalization, LayerNormalization, InstanceNormalization),
        *(GroupNormalization, FilterResponseNormalization, SwitchableNormalization),
    )
}
_LAYERS = {name: _CLASSES[layer] for name, layer in NORMALIZATIONS.items()}


def names() -> list[str]:
    """Lists the names that `get` accepts.

    >>> names()
    ['batch', 'sync_batch', 'layer', 'instance', 'group', 'filter_response', 'switchable']

    See also:
        `kerasnorm.normalization.get`, which creates a layer by its name.
    """
    return [*_LAYERS]


def get(
    name_or_config: str | dict[str, Any] | keras.layers.Layer | None, **kwargs: Any
) -> keras.layers.Layer | None:
    """Returns a normalization layer from a name, a configuration or a layer.

    Args:
        name_or_config: One of `names()`; a dict of `class_name` (one of `names()`, or as
            `keras.saving.serialize_keras_object` writes it) and `config`; a layer, which is
            returned as it is; or None, for no normalization.
        **kwargs: Arguments of the layer, over those of the configuration.

    Returns:
        A new layer, the layer given, or None.

    Raises:
        ValueError: For an unknown name, and for arguments beside a layer or None.

    >>> get("group", groups=8).groups
    8
    >>> get({"class_name": "layer", "config": {"axis": [1, 2]}}).axis
    [1, 2]

    See also:
        `kerasnorm.normalization.names`; `kerasnorm.surgery.replace_normalization`.
    """
    if name_or_config is None or isinstance(name_or_config, keras.layers.Layer):
        if kwargs:
            raise ValueError(
                "Arguments can go with the name of a normalization, not with a layer or None. "
                f"Received: {name_or_config!r} with {listed(kwargs)}."
            )
        return name_or_config
    if isinstance(name_or_config, dict) and "class_name" in name_or_config:
        config = {**name_or_config, "config": {**name_or_config.get("config", {}), **kwargs}}
        if config["class_name"] not in _LAYERS:
            return keras.saving.deserialize_keras_object(config)
        name_or_config, kwargs = config["class_name"], config["config"]
    if not isinstance(name_or_config, str) or name_or_config not in _LAYERS:
        raise ValueError(
            f"A normalization should be one of {listed(_LAYERS)}, a configuration with a "
            f"`class_name`, a layer or None. Received: {name_or_config!r}."
        )
    return _LAYERS[name_or_config](**kwargs)
