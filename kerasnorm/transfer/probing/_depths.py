"""Lists the layers of a model whose features can be probed."""

from collections.abc import Iterable, Iterator

import keras

from kerasnorm._validation import listed
from kerasnorm.models import Leaf, leaves, sublayers


def depths(model: keras.Model, names: Iterable[str] | None) -> list[Leaf]:
    """Returns layers of a built model and of the models inside it, in the order of the computation.

    What else is made of layers (wrappers, recurrent and custom layers) counts as one.

    Args:
        model: The model.
        names: Names or paths of the layers, of nested models too; None: all that are no models.

    Raises:
        ValueError: If a name is none of them or several, or the model is not built.
    """
    leaves(model)  # refuses what is no model, or not built
    found = list(_walk((model,), set()))
    if names is None:
        return [leaf for leaf in found if not isinstance(leaf.layer, keras.Model)]
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise ValueError("`layers` should name at least one layer; None means all of them.")
    chosen = {id(_named(found, name)) for name in names}
    return [leaf for leaf in found if id(leaf) in chosen]


def _walk(nodes: tuple[keras.Layer, ...], seen: set[int]) -> Iterator[Leaf]:
    for layer in sublayers(nodes[-1]):
        if id(layer) in seen or isinstance(layer, keras.layers.InputLayer):
            continue
        seen.add(id(layer))
        if isinstance(layer, keras.Model):
            yield from _walk((*nodes, layer), seen)
        yield Leaf((*nodes, layer))


def _named(found: list[Leaf], name: str) -> Leaf:
    matches = [leaf for leaf in found if leaf.path == name] or [
        leaf for leaf in found if leaf.layer.name == name
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        could = f"which could mean {listed(leaf.path for leaf in matches)}. Give a path"
    else:
        could = f"which the model does not have. It has {listed(leaf.path for leaf in found)}"
    raise ValueError(f"`layers` should hold names or paths of layers. Received: {name!r}, {could}.")
