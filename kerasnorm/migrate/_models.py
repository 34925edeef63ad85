"""Builds functional and Sequential models, also nested, from configs of Keras 2."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from kerasnorm.migrate._building import MODELS, Builder, is_model
from kerasnorm.migrate._called import call_arguments, is_reference
from kerasnorm.migrate._operations import split_arguments
from kerasnorm.migrate._refusals import LayerError, naming
from kerasnorm.migrate._values import Saved, as_saved, expect, new_name, short
from kerasnorm.models import set_trainable


def make_model(builder: Builder, saved: Saved, path: str = "", shape: Any = None) -> keras.Model:
    """Returns a built model.

    Args:
        builder: Makes the layers.
        saved: What the file says of the model.
        path: Its own name after those of the models that it is in; "" for the outermost.
            Defaults to "".
        shape: Of its input, where it is known from outside. Defaults to None.

    Raises:
        ValueError: If it cannot be made; the message names the layer.
    """
    name = expect(saved.config.get("name"), str, "The name of a model")
    layers = expect(saved.config.get("layers"), list, f"The layers of model '{name}'")
    items = _named([as_saved(layer, f"A layer of model '{name}'") for layer in layers])
    _check_names(items, name)
    given = builder.custom.find(saved.name)
    cls = given if is_model(given, saved) else None
    sequential = issubclass(cls, keras.Sequential) if cls else saved.name == "Sequential"
    make = _make_sequential if sequential else _make_functional
    model = make(builder, saved, items, path, shape, cls)
    set_trainable(model, saved.config.get("trainable", True) is not False, inside=False)
    if path:
        builder.remember(model, saved, path)
    return model


def _named(items: list[Saved]) -> list[Saved]:
    """Tells apart Sequential models that have no names in files of Keras 2.2.2 and before."""
    unnamed = [
        item
        for item in items
        if isinstance(item.fields.get("config"), list) and "name" not in item.fields
    ]
    names = {id(item): f"sequential_{index}" for index, item in enumerate(unnamed) if index}
    return [
        replace(item, config={**item.config, "name": names[id(item)]})
        if id(item) in names
        else item
        for item in items
    ]


def _check_names(items: list[Saved], model: str) -> None:
    names = [new_name(_name(item)) for item in items]
    if len({*names}) != len(names):
        raise ValueError(f"Layers of model '{model}' have the same name in the file.")


def _name(saved: Saved) -> str:
    return expect(saved.config.get("name"), str, f"The name of a layer of class {saved.name}")


def _make_input(saved: Saved, path: str) -> keras.KerasTensor:
    with naming(path, saved.name):
        shape = expect(saved.config.get("batch_input_shape"), list, "Its shape")
        if saved.config.get("ragged") or saved.config.get("sparse"):
            raise ValueError("Keras 3 has no models with ragged or sparse inputs.")
        return keras.Input(
            batch_shape=tuple(shape),
            dtype=saved.config.get("dtype"),
            name=path.rpartition("/")[2],
        )


def _join(path: str, saved: Saved) -> str:
    return f"{path}/{new_name(_name(saved))}".lstrip("/")


def _make_sequential(
    builder: Builder, saved: Saved, items: list[Saved], path: str, shape: Any, cls: type | None
) -> keras.Model:
    name = new_name(saved.config["name"])
    model = (cls or keras.Sequential)(name=name)
    order = builder.old_orders[id(model)] = []
    if items and items[0].name == "InputLayer":
        source = _make_input(items[0], _join(path, items[0]))
        items = items[1:]
    else:
        first = items[0].config if items else {}
        shape = shape or first.get("batch_input_shape") or saved.config.get("build_input_shape")
        if not isinstance(shape, (list, tuple)):
            raise ValueError(
                f"Model '{name}' was saved before it was built, so it has no weights: call it once "
                "before saving."
            )
        dtype = first.get("dtype")  # which was that of the inputs, too
        whole = isinstance(dtype, str) and dtype.startswith(("int", "uint"))
        with naming(path or name, saved.name):
            source = keras.Input(batch_shape=tuple(shape), dtype=dtype if whole else None)
    model.add(source)
    shape = tuple(source.shape)
    for item in items:
        where = _join(path, item)
        layer = builder.make_layer(item, where, shape)
        with naming(where, item.name):
            model.add(layer)
            shape = model.output_shape
        order.append(layer)
    if not order:
        raise ValueError(f"Model '{name}' has no layers in the file.")
    return model


@dataclass
class _Graph:
    """What a functional model has been made of so far.

    Attributes:
        made: Each layer, by the file's name of it.
        outputs: What its calls have returned, flat, by the file's number of the call.
        waiting: The calls of each layer that are still to be made.
    """

    made: dict[str, keras.Layer] = field(default_factory=dict)
    outputs: dict[tuple[str, int], list[keras.KerasTensor]] = field(default_factory=dict)
    waiting: dict[str, list[Any]] = field(default_factory=dict)

    def tensor(self, reference: list[Any]) -> keras.KerasTensor | None:
        """Returns a tensor that a reference in the file means, None if it is not made yet."""
        name, call, index = reference[:3]
        tensors = self.outputs.get((name, call))
        if tensors is None:
            return None
        if not 0 <= index < len(tensors):
            raise ValueError(f"Layer '{name}' has no output number {index}.")
        return tensors[index]

    def tensors(self, structure: Any) -> Any:
        """Returns a structure of references as one of tensors."""
        if is_reference(structure):
            tensor = self.tensor(structure)
            if tensor is None:
                raise ValueError(f"There is no output {structure[:3]} of a layer in the file.")
            return tensor
        if isinstance(structure, dict):
            return {key: self.tensors(item) for key, item in structure.items()}
        return [self.tensors(item) for item in expect(structure, list, "Inputs or outputs")]


def _make_functional(
    builder: Builder, saved: Saved, items: list[Saved], path: str, shape: Any, cls: type | None
) -> keras.Model:
    name = new_name(saved.config["name"])
    graph = _Graph()
    for item in items:
        if item.name == "InputLayer":
            graph.outputs[_name(item), 0] = [_make_input(item, _join(path, item))]
        else:
            nodes = expect(item.fields.get("inbound_nodes"), list, f"The calls of '{_name(item)}'")
            graph.waiting[_name(item)] = list(nodes)
    while any(_progress(builder, graph, items, path)):
        pass
    for item in items:
        if item.name != "InputLayer" and (
            graph.waiting[_name(item)] or _name(item) not in graph.made
        ):
            raise LayerError(
                f"Layer '{_join(path, item)}' of class {item.name} is called with what no layer of "
                "the file returns."
            )
    inputs = graph.tensors(saved.config.get("input_layers"))
    outputs = graph.tensors(saved.config.get("output_layers"))
    with naming(path or name, saved.name):
        model = (cls or keras.Model)(_single(inputs), _single(outputs), name=name)
    builder.old_orders[id(model)] = [
        graph.made[_name(item)] for item in items if item.name != "InputLayer"
    ]
    return model


def _check_again(layer: keras.Layer | None, config: dict[str, Any]) -> None:
    """Refuses an operation that is called again with other arguments, which no layer has."""
    for key, value in config.items() if layer is not None else ():
        if getattr(layer, key) != value:
            raise ValueError(f"It is called with other arguments {short(value)} another time.")


def _single(structure: Any) -> Any:
    return structure[0] if isinstance(structure, list) and len(structure) == 1 else structure


def _progress(builder: Builder, graph: _Graph, items: list[Saved], path: str) -> Iterator[bool]:
    """Makes what calls can be made, in order; yields True for each."""
    for item in items:
        waiting = graph.waiting.get(item.config["name"], [])
        while waiting and _call(builder, graph, item, waiting[0], path):
            waiting.pop(0)
            yield True


def _call(builder: Builder, graph: _Graph, item: Saved, node: Any, path: str) -> bool:
    name, where = _name(item), _join(path, item)
    with naming(where, item.name):
        arguments = call_arguments(node, graph.tensor, constants=item.name == "TFOpLambda")
        if arguments is None:
            return False
        inputs, kwargs = arguments
        if item.name == "TFOpLambda":
            inputs, config = split_arguments(inputs, kwargs)
            item, kwargs = replace(item, config={**item.config, **config}), {}
            _check_again(graph.made.get(name), config)
    if name not in graph.made:
        shape = keras.tree.map_structure(lambda tensor: tuple(tensor.shape), inputs)
        graph.made[name] = builder.make_layer(item, where, shape)
    layer = graph.made[name]
    with naming(where, item.name):
        result = builder.call(layer, inputs, kwargs)
    # a functional model's first call is the one with its own inputs
    first = 1 if item.name in MODELS else 0
    call = first + sum(key[0] == name for key in graph.outputs)
    graph.outputs[name, call] = keras.tree.flatten(result)
    return True
