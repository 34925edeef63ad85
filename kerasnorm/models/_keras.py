"""Gathers what changing whole models needs of Keras beyond its public names.

| private name | why |
|---|---|
| `_nodes_by_depth`, `_functional` | the calls in a graph, and the graph of a Sequential |
| `_inbound_nodes`, `_outbound_nodes` | a layer's place in graphs, which another one takes |
| `_inputs_struct` | the inputs as a model takes them: `inputs` is a flat list |
| `_run_through_graph` | the same graph with other layers in place of some |
| `_flatten_layers` | the layers that a custom layer holds in attributes, lists and dicts |
| `_trainable` | the flag of a layer alone: `trainable` recurses |
| `_trainable_variables`, `_non_trainable_variables` | a layer's own, whatever its flag is |
| `_path`, `_parent_path` | the paths of variables, by which files and optimizers know them |
| `_remat_mode` | what a layer keeps of the scope that it was made in |
| `_post_build` | what Keras does after `build`: on torch it lists the parameters |
| `_compile_config` | the arguments of `compile` as objects |
| `rng_utils.get_random_seed` | the seed that `keras.utils.set_random_seed` has set |
| `_initial_epoch` | where the next `fit` begins, as `BackupAndRestore` leaves it |

Made for Keras 3.12 to 3.15. `tests/models/test_keras_private.py` fails when Keras moves.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras.src.utils import rng_utils

_PLACE = ("_inbound_nodes", "_outbound_nodes", "_parent_path", "_remat_mode")


def graph_inside(model: keras.Layer) -> Any:
    """Returns the graph that a functional or built Sequential model has; None for other layers."""
    graph = model._functional if isinstance(model, keras.Sequential) else model
    return graph if getattr(graph, "_nodes_by_depth", None) else None


def nodes_of(graph: Any) -> list[Any]:
    """Returns the calls in a graph in the order of the computation."""
    by_depth = graph._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def nodes_into(layer: keras.Layer) -> list[Any]:
    """Returns all calls of a layer, in whichever graphs."""
    return layer._inbound_nodes


def inputs_of_graph(graph: Any) -> Any:
    """Returns a graph's inputs in the structure in which the model takes them."""
    return graph._inputs_struct


def run_graph(graph: Any, inputs: Any, replace: Callable[[Any], Any], call: Callable) -> Any:
    """Returns the outputs of a graph on other inputs.

    Args:
        graph: The graph.
        inputs: As the graph's.
        replace: Returns the operation to take in place of one.
        call: Calls it, with its arguments.
    """
    return graph._run_through_graph(inputs, operation_fn=replace, call_fn=call)


def layers_held_by(layer: keras.Layer) -> list[keras.Layer]:
    """Returns the layers directly inside, in the order in which they were assigned."""
    return list(layer._flatten_layers(include_self=False, recursive=False))


def flag_of(layer: keras.Layer) -> bool:
    """Returns the `trainable` flag of a layer itself."""
    return layer._trainable


def set_flag(layer: keras.Layer, trainable: bool) -> None:
    """Sets the `trainable` flag of a layer itself, of none inside and of no variable."""
    layer._trainable = trainable


def own_trainable(layer: keras.Layer) -> list[keras.Variable]:
    """Returns the variables of a layer itself that train when neither it nor they are frozen."""
    return layer._trainable_variables


def own_non_trainable(layer: keras.Layer) -> list[keras.Variable]:
    """Returns the variables of a layer itself that never train."""
    return layer._non_trainable_variables


def optimized_by(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Returns the variables that an optimizer was built for."""
    return optimizer._trainable_variables


def place_of(layer: keras.Layer) -> dict[str, Any]:
    """Returns the attributes that say where a layer is: in graphs, under a path, in a scope."""
    return {name: vars(layer)[name] for name in _PLACE}


def put_under_path_of(new: keras.Layer, old: keras.Layer) -> None:
    """Lets the variables of a layer that is to be built have paths as the other's have."""
    new._parent_path = old._parent_path


def copy_paths(old: keras.Layer, new: keras.Layer) -> None:
    """Gives a layer and its own variables the paths of another one's."""
    new._path, new._parent_path = old._path, old._parent_path
    olds, news = (own_trainable(layer) + own_non_trainable(layer) for layer in (old, new))
    for variable, twin in zip(olds, news, strict=True):
        twin._path = variable.path


def after_change(layer: keras.Layer) -> None:
    """Lets Keras do what it does after `build`, for a layer in which others have changed."""
    layer._post_build()


class AfterBuild:
    """Mixin that calls `_after_build` once a layer is built; a subclass says what it does."""

    def _post_build(self) -> None:
        super()._post_build()
        self._after_build()

    def _after_build(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} should implement `_after_build`.")


def compile_arguments(model: keras.Model) -> dict[str, Any]:
    """Returns the arguments that a model was compiled with."""
    return dict(model._compile_config.config)


def global_seed() -> int | None:
    """Returns the seed that `keras.utils.set_random_seed` has set, or None."""
    return rng_utils.get_random_seed()


def begin_at(model: keras.Model, epoch: int | None) -> None:
    """Lets the next `fit`, or one that has just begun, start at an epoch; None: as it is told."""
    model._initial_epoch = epoch
