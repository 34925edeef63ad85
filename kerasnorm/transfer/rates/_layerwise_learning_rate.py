import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
from keras import ops

from kerasnorm import backend
from kerasnorm._types import Tensor
from kerasnorm._validation import as_number
from kerasnorm.models import optimized_by
from kerasnorm.transfer import _keras
from kerasnorm.transfer.rates._rate_groups import Key, Multipliers, RateGroup, group_of, route


@keras.saving.register_keras_serializable(package="kerasnorm")
class LayerwiseLearningRate(_keras.AveragesOfInner, keras.optimizers.Optimizer):
    """Optimizer that gives each layer a multiple of another optimizer's learning rate.

    Use it for fine-tuning: the features of the bottom layers are general and should change little,
    the new head should change fast. A variable θ with multiplier m makes the step that the
    optimizer would make with the learning rate m·η, including weight decay:

        θ ← θ + step(∇L, m·η)

    Scaling gradients has no such effect, since Adam and others divide by their size. Everything
    else is done by the optimizer for all variables: clipping by the global norm, moving averages,
    accumulation of gradients, its schedule. Callbacks change `learning_rate`, η, and so keep the
    ratios. With multiplier 0 a variable does not change at all, while its momentum and moments are
    updated, so that a later multiplier unfreezes it without compiling again.

    Args:
        optimizer: keras.optimizers.Optimizer that is not built yet, or its name.
        multipliers: Dict of float ≥ 0 by layer (all of its variables, at any depth) or by regex
            (searched in the paths of variables, such as "conv1/kernel"). See `layer_decay`.
        default: Multiplier of the trainable variables that no key matches, a float ≥ 0. Defaults to
            None: each of them has to match.
        name: Name of the optimizer. Defaults to "layerwise_learning_rate".

    Attributes:
        multipliers: Dict of the current floats by key; in an optimizer from a file, a layer is
            replaced by its name.

    Example:

    >>> model = keras.Sequential(
    ...     [keras.Input((4,))]
    ...     + [keras.layers.Dense(width, name=name) for name, width in (("base", 8), ("head", 2))]
    ... )
    >>> optimizer = LayerwiseLearningRate(keras.optimizers.Adam(1e-3), {"base": 0, "head": 1})
    >>> model.compile(optimizer, "mse")
    >>> optimizer.set_multiplier("base", 0.1)  # after a few epochs, say

    Raises:
        ValueError: For a multiplier that is negative or no number, a key that is no regex or a
            layer without variables, and when the optimizer meets the model (in `fit`, or `build`):
            for a trainable variable without a multiplier or with two, or a key without variables.

    See also:
        `layer_decay`, which returns its multipliers; `GradualUnfreezing`.

    References:
        Howard and Ruder, 2018, Universal language model fine-tuning for text classification,
        https://arxiv.org/abs/1801.06146 (discriminative fine-tuning)
        Bao et al., 2022, BEiT: BERT pre-training of image transformers,
        https://arxiv.org/abs/2106.08254 (layer-wise decay of the rate)
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer | str,
        multipliers: Multipliers,
        default: float | None = None,
        name: str = "layerwise_learning_rate",
    ) -> None:
        optimizer = _fresh(keras.optimizers.get(optimizer))
        if not isinstance(multipliers, Mapping):
            raise ValueError(f"`multipliers` should be a dict. Received: {multipliers!r}.")
        values = {
            group_of(key): as_number("a multiplier", value, 0) for key, value in multipliers.items()
        }
        if default is not None:
            values[RateGroup()] = as_number("default", default, 0)
        super().__init__(learning_rate=0.0, name=name)
        self.optimizer = optimizer
        self._groups = [*values]
        self._rates = [self._add_rate(value) for value in values.values()]
        self._routing: list[dict[str, Any]] | None = None
        self._hook()

    def _add_rate(self, value):
        return self.add_variable(
            shape=(),
            initializer=keras.initializers.Constant(value),
            dtype="float32",
            aggregation="only_first_replica",
            name="multiplier",
        )

    def _hook(self):
        """Lets the optimizer ask for each variable's rate where it uses its own."""
        backend.update_one_by_one(self.optimizer)
        update = self.optimizer.update_step

        def update_step(gradient, variable, learning_rate):
            factor = self._factor_of(variable)
            before = _value(variable)
            update(gradient, variable, learning_rate * ops.cast(factor, "float32"))
            # momentum that is left over would move on at a rate of 0
            self.optimizer.assign(variable, _moved(factor, variable, before))

        self.optimizer.update_step = update_step
        _keras.scale_weight_decay(self.optimizer, self._factor_of)

    def _factor_of(self, variable):
        group = self._routing[_keras.index_of(self.optimizer, variable)]["group"]
        return self._rates[group]

    def build(self, variables: list[keras.Variable]) -> None:
        if self.built:
            return
        self._routing = self._routing_of(variables)
        super().build(variables)
        self.optimizer.build(variables)

    def _routing_of(self, variables):
        """Keeps the routing that came with a config where it fits: names change with reloading."""
        shapes = [list(variable.shape) for variable in variables]
        if self._routing and [each["shape"] for each in self._routing] == shapes:
            return self._routing
        indices = route(variables, self._groups)
        return [{"shape": s, "group": i} for s, i in zip(shapes, indices, strict=True)]

    def apply(
        self, grads: Sequence[Tensor], trainable_variables: Sequence[keras.Variable] | None = None
    ) -> None:
        if not self.built:
            self.build(list(trainable_variables))
        variables = trainable_variables or optimized_by(self)
        held = [v for v in variables if self._moves_otherwise(v)]
        before = [_value(v) for v in held]
        self.optimizer.apply(grads, trainable_variables)
        for variable, value in zip(held, before, strict=True):
            variable.assign(_moved(self._factor_of(variable), variable, value))

    def _moves_otherwise(self, variable):
        """Whether something besides the update writes the variable."""
        return variable.constraint is not None or bool(self.optimizer.ema_overwrite_frequency)

    def set_multiplier(self, key: Key, value: float) -> None:
        """Sets the multiplier of a key of `multipliers`, effective from the next step.

        Args:
            key: The same regex or layer. Of a model that was loaded, its own layer.
            value: A float ≥ 0.

        Raises:
            ValueError: For a key that is not in `multipliers`, or a value out of range.
        """
        index = self._index_of(key)
        self._rates[index].assign(as_number("value", value, 0))

    def _index_of(self, key):
        wanted = group_of(key)
        for index, group in enumerate(self._groups):
            same = group.get_config() == wanted.get_config()
            if same and (wanted.layer is None or self._is_layer(index, wanted.layer)):
                return index
        raise ValueError(
            f"`key` should be one of {', '.join(map(str, self._groups))}. Received: {wanted}."
        )

    def _is_layer(self, index, layer):
        if self._groups[index].layer is not None:
            return self._groups[index].layer is layer
        own = {id(variable) for variable in layer.variables}
        return self.built and all(
            id(variable) in own
            for variable, each in zip(optimized_by(self), self._routing, strict=True)
            if each["group"] == index
        )

    @property
    def multipliers(self) -> dict[Key, float]:
        return {
            group.key: float(ops.convert_to_numpy(rate))
            for group, rate in zip(self._groups, self._rates, strict=True)
            if not group.is_default
        }

    @property
    def variables(self) -> list[keras.Variable]:
        return _keras.own_variables(self) + self.optimizer.variables

    def save_own_variables(self, store: Any) -> None:
        for index, variable in enumerate(_keras.own_variables(self)):
            store[str(index)] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store: Any) -> None:
        for index, variable in enumerate(_keras.own_variables(self)):
            variable.assign(store[str(index)])

    @property
    def learning_rate(self) -> Any:
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self.optimizer.learning_rate = learning_rate

    @property
    def iterations(self) -> keras.Variable:
        return self.optimizer.iterations

    def scale_loss(self, loss: Tensor) -> Tensor:
        return self.optimizer.scale_loss(loss)

    def finalize_variable_values(self, var_list: list[keras.Variable]) -> None:
        self.optimizer.finalize_variable_values(var_list)

    def exclude_from_weight_decay(
        self, var_list: list[keras.Variable] | None = None, var_names: list[str] | None = None
    ) -> None:
        self.optimizer.exclude_from_weight_decay(var_list, var_names)

    def get_config(self) -> dict[str, Any]:
        rates = [float(ops.convert_to_numpy(rate)) for rate in self._rates]
        return {
            "name": self.name,
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "groups": [group.get_config() for group in self._groups],
            "multipliers": rates,
            "routing": self._routing,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Self:
        optimizer = keras.saving.deserialize_keras_object(config["optimizer"], custom_objects)
        groups = [RateGroup(**group) for group in config["groups"]]
        values = dict(zip(groups, config["multipliers"], strict=True))
        new = cls(optimizer, values, name=config["name"])
        new._routing = config["routing"]
        return new


def _value(variable):
    return ops.copy(ops.convert_to_tensor(variable))


def _moved(factor, variable, before):
    """Returns the variable's value, or the one before at a factor of 0."""
    return ops.where(ops.convert_to_tensor(factor) > 0, ops.convert_to_tensor(variable), before)


def _fresh(optimizer):
    """Returns an optimizer that can be wrapped; ValueError if it is none, a warning if unfit."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer | LayerwiseLearningRate):
        raise ValueError(
            f"`optimizer` should be a plain optimizer. Received: {type(optimizer).__name__}. "
            "A LossScaleOptimizer goes around this one, as `compile` sees to by itself."
        )
    if optimizer.built:
        raise ValueError(
            f"`optimizer` should be a new one. Received: {type(optimizer).__name__}, which is "
            "built for the variables of a model. Make one with `from_config(get_config())`."
        )
    warn_if_forgetful(optimizer)
    return optimizer


def warn_if_forgetful(optimizer: keras.optimizers.Optimizer) -> None:
    """Warns of optimizers that do not start from the weights that they are given."""
    if type(optimizer).__name__ in _FORGETFUL:
        warnings.warn(
            f"{type(optimizer).__name__} computes variables from its own state alone, so its first "
            "step destroys pretrained weights at any learning rate. Use Adam or SGD instead.",
            stacklevel=4,  # the caller of the public function
        )


_FORGETFUL = {"Ftrl", "ScheduleFreeAdamW"}
