"""Builds custom layers from configs of Keras 2."""

from collections.abc import Callable
from typing import Any

import keras

from kerasnorm.migrate._custom import Custom
from kerasnorm.migrate._keras_layers import arguments_of, as_of_base
from kerasnorm.migrate._objects import argument
from kerasnorm.migrate._values import Saved
from kerasnorm.models import set_trainable

# what Keras 2 writes into every layer's config and no layer of Keras 3 takes
_OLD = ("batch_input_shape", "dynamic", "input_dtype", "batch_size")
_OBJECTS = ("_initializer", "_regularizer", "_constraint")
MakeInside = Callable[[str, dict[str, Any]], keras.Layer | None]


def make_custom(
    given: Any, saved: Saved, name: str, custom: Custom, make_inside: MakeInside
) -> keras.Layer:
    """Builds a custom layer from its config.

    Keras' own parts of the config, such as initializers or a nested layer, are first converted to
    Keras 3. The rest is passed to the class unchanged.

    Args:
        given: The class.
        saved: What the file says of the layer.
        name: Its name.
        custom: What the user has given.
        make_inside: Returns the layer that an argument describes, None if it is none.

    Raises:
        ValueError: If it is no class of layers, or one of models that are subclassed.
    """
    if not (isinstance(given, type) and issubclass(given, keras.Layer)):
        raise ValueError(f"What is given for {saved.name!r} should be a class of layers: {given}.")
    if issubclass(given, keras.Model):
        raise ValueError(
            f"{saved.name!r} is a subclassed model, whose layers are not in the file. Build it "
            "and use `load_tfa_weights`."
        )

    def in_keras_3(key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [in_keras_3(key, item) for item in value]
        if key.endswith(_OBJECTS) or key == "dtype":
            return argument(key, value, custom.find)
        if key.endswith("activation") and isinstance(value, (str, dict)):
            try:
                return argument(key, value, custom.find)
            except ValueError:
                return value  # the class may know it
        layer = make_inside(key, value) if isinstance(value, dict) else None
        return value if layer is None else keras.saving.serialize_keras_object(layer)

    config = {k: in_keras_3(k, v) for k, v in saved.config.items() if k not in _OLD}
    config = as_of_base(given, config, arguments_of(given))
    with keras.saving.custom_object_scope(dict(custom.given)):
        layer = given.from_config({**config, "name": name})
    if not isinstance(layer, keras.Layer):
        raise ValueError(f"`{given.__name__}.from_config` should return a layer: {layer!r}.")
    layer.name = name
    set_trainable(layer, saved.config.get("trainable", True), inside=False)
    return layer
