"""The one walk through a model: its leaf layers, bottom up, with their paths.

A leaf is a layer without sub-layers, one of Keras' own layers that is made of layers (LSTM,
MultiHeadAttention), a wrapper with weights of its own (SpectralNormalization), or a layer with
moving statistics. Entered are
models of every kind, the other wrappers (TimeDistributed, Bidirectional) and every custom layer
that holds layers, in attributes, lists or dicts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import keras

from kerasnorm.models import _keras


@dataclass(frozen=True)
class Leaf:
    """A leaf layer and the way to it.

    Attributes:
        nodes: The model, the layers entered, and the leaf layer itself.
        own: True stands for the weights that a layer with sub-layers has besides theirs.
    """

    nodes: tuple[keras.Layer, ...]
    own: bool = False

    @property
    def layer(self) -> keras.Layer:
        return self.nodes[-1]

    @property
    def holders(self) -> tuple[keras.Layer, ...]:
        """The layers entered on the way, from the model down."""
        return self.nodes if self.own else self.nodes[:-1]

    @property
    def path(self) -> str:
        """The names from the model down to the leaf, the model's own left out."""
        return "/".join(node.name for node in self.nodes[1:] or self.nodes)

    @property
    def weights(self) -> list[keras.Variable]:
        return own_weights(self.layer) if self.own else self.layer.weights

    @property
    def in_recurrent(self) -> bool:
        """Whether it is computed step by step, inside a recurrent layer."""
        recurrent = (keras.layers.RNN, keras.layers.StackedRNNCells)
        return any(isinstance(node, recurrent) for node in self.holders)

    @property
    def has_statistics(self) -> bool:
        return not self.own and has_statistics(self.layer)


def leaves(model: keras.Model) -> list[Leaf]:
    """Returns the leaves of a built model in the order of the computation, a shared layer once.

    The layers of a subclassed model or a custom layer come in the order in which they were
    assigned, its own weights last.

    Raises:
        ValueError: If `model` is no model, or has layers whose weights do not exist yet.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(f"`model` should be a keras.Model. Received: {model!r}.")
    found = list(_walk((model,), set()))
    unbuilt = [leaf.path for leaf in found if not leaf.layer.built and _makes_weights(leaf.layer)]
    if unbuilt or not model.built:
        raise ValueError(
            f"Model '{model.name}' is not built, so its weights cannot be counted: "
            f"{', '.join(unbuilt) or 'it has no input shape'}. Call the model on a batch first."
        )
    return found


def _makes_weights(layer: keras.Layer) -> bool:
    """Returns whether building it does anything; what a task preprocesses by is never built."""
    return type(layer).build is not keras.Layer.build


def every_layer(model: keras.Model) -> list[Leaf]:
    """Returns all layers inside a built model at any depth, holders first, a shared layer once.

    Leaves are entered too: the cells of a recurrent layer, the layer that a wrapper holds.

    Raises:
        ValueError: As `leaves` does.
    """
    leaves(model)
    found: dict[int, Leaf] = {}

    def visit(nodes: tuple[keras.Layer, ...]) -> None:
        for child in sublayers(nodes[-1]):
            if id(child) not in found:
                found[id(child)] = Leaf((*nodes, child))
                visit((*nodes, child))

    visit((model,))
    return [*found.values()]


def _walk(nodes: tuple[keras.Layer, ...], seen: set[int]) -> Iterator[Leaf]:
    layer = nodes[-1]
    if id(layer) in seen:
        return
    seen.add(id(layer))
    if not _entered(layer):
        yield Leaf(nodes)
        return
    for child in sublayers(layer):
        yield from _walk((*nodes, child), seen)
    if own_weights(layer):
        yield Leaf(nodes, own=True)


def _entered(layer: keras.Layer) -> bool:
    if isinstance(layer, keras.Model):
        return True
    if not sublayers(layer) or has_statistics(layer):
        return False
    if isinstance(layer, keras.layers.Wrapper):
        return not own_weights(layer)
    kind = next(cls for cls in type(layer).__mro__ if package_of(cls) == "keras")
    return kind in (keras.Layer, keras.layers.Bidirectional)


def sublayers(layer: keras.Layer) -> list[keras.Layer]:
    """Returns the layers directly inside: a model's in the order of its graph."""
    ordered = list(layer.layers) if isinstance(layer, keras.Model) else []
    ids = {id(child) for child in ordered}
    held = _keras.layers_held_by(layer)
    return ordered + [child for child in held if id(child) not in ids]


def with_inside(layer: keras.Layer) -> Iterator[keras.Layer]:
    """Yields a layer and all layers inside it, built or not."""
    yield layer
    for child in sublayers(layer):
        yield from with_inside(child)


def own_weights(layer: keras.Layer) -> list[keras.Variable]:
    """Returns the weights of a layer that none of its sub-layers has."""
    theirs = {id(weight) for child in sublayers(layer) for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in theirs]


def package_of(cls: type) -> str:
    """Returns the package that a class comes from: "keras", "kerasnorm", or another."""
    return cls.__module__.partition(".")[0]


def has_statistics(layer: keras.Layer) -> bool:
    """Returns whether the layer keeps moving statistics that a training call updates."""
    statistics = (getattr(layer, name, None) for name in ("moving_mean", "moving_variance"))
    return "training" in layer.call_signature_parameters and all(
        isinstance(value, keras.Variable) for value in statistics
    )
