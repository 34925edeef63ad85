"""Creates new metrics for each `compile`."""

from typing import Any

import keras


def fresh_metrics(metrics: Any, loss: Any = None) -> Any:
    """Returns what `compile` takes as metrics, without what they have counted until now.

    Keras does not reset metrics at a second `compile`, so that the first figures after it would
    contain what was counted before. What has no state is shared, and so is what belongs to the
    loss, such as `Seesaw`'s counter. A metric that cannot be made again is reset.

    Args:
        metrics: A metric, a name, a function, or lists or dicts of such.
        loss: What `compile` takes as loss, or None.

    >>> mean = keras.metrics.Mean()
    >>> mean.update_state(3.0)
    >>> float(fresh_metrics([mean])[0].result())
    0.0
    """
    losses = keras.tree.flatten(loss)
    of_losses = {id(value) for each in losses for value in getattr(each, "__dict__", {}).values()}

    def fresh(value: Any) -> Any:
        if not isinstance(value, keras.Metric) or id(value) in of_losses:
            return value
        try:
            return type(value).from_config(value.get_config())
        except (TypeError, NotImplementedError):  # a class of the user's that cannot be saved
            value.reset_state()
            return value

    return keras.tree.map_structure(fresh, metrics)
