"""Recreates optimizers and metrics in the scope of the model's strategy."""

from typing import Any

import keras

from kerasnorm.backups import describe, made_with


def in_scope(strategy: Any, given: Any) -> Any:
    """Returns optimizers and metrics that were made outside of the scope made again inside.

    Raises:
        ValueError: If an optimizer has been used already, and would lose what it has gathered, or
            its config does not make one equal to it, or to a metric.
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
            return _made_again(thing)

    return keras.tree.map_structure(again, given)


def _made_again(thing: Any) -> Any:
    try:
        new = type(thing).from_config(thing.get_config())
        equal = _described(new) == _described(thing)
    except (TypeError, NotImplementedError):  # the config is not that of its class
        equal = False
    if not equal:
        raise ValueError(
            f"{type(thing).__name__} '{thing.name}' was made outside of the strategy's scope, and "
            "its `get_config` does not make another one equal to it. Make it in the scope: "
            "`with strategy.scope(): ...`."
        )
    return new


def _described(thing: Any) -> Any:
    return describe(thing), describe(made_with(thing))
