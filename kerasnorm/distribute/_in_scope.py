"""What `compile` is given, in the scope of the model's strategy."""

from typing import Any

import keras


def in_scope(strategy: Any, given: Any) -> Any:
    """Returns optimizers and metrics that were made outside of the scope made again inside.

    Raises:
        ValueError: if one has been used already, and would lose what it has gathered.
    """

    def again(thing):
        if not isinstance(thing, keras.Optimizer | keras.Metric):
            return thing
        if all(strategy.extended.variable_created_in_scope(v.value) for v in thing.variables):
            return thing
        if isinstance(thing, keras.Optimizer) and thing.built:
            raise ValueError(
                f"The optimizer {type(thing).__name__} is built for variables outside of the "
                "strategy. Make a new one, best in its scope."
            )
        with strategy.scope():
            return type(thing).from_config(thing.get_config())

    return keras.tree.map_structure(again, given)
