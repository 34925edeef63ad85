"""Assigns a multiplier of the learning rate to each variable."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from kerasnorm._validation import as_pattern, listed
from kerasnorm.models import own_weights

Key = str | re.Pattern[str] | keras.Layer
# a Mapping of one kind of key is no Mapping of Keys to a type checker
Multipliers = Mapping[Key, float] | Mapping[str, float] | Mapping[keras.Layer, float]


@dataclass(eq=False)
class RateGroup:
    """The variables of one key: a regex, a layer, or neither: all that no other group has.

    Attributes:
        pattern: Searched in the paths of variables.
        layer_name: Of the layer whose variables these are.
        layer: The layer, which an optimizer that comes from a file does not know.
        own: Whether the variables of the layers inside it are another's.
    """

    pattern: str | None = None
    layer_name: str | None = None
    layer: keras.Layer | None = None
    own: bool = False

    def __str__(self) -> str:
        if self.layer_name is not None:
            return f"layer '{self.layer_name}'{' itself' if self.own else ''}"
        return "the default" if self.pattern is None else repr(self.pattern)

    @property
    def key(self) -> Any:
        """What `multipliers` has it by; the layer itself stands for all of its weights."""
        return self if self.own and self.layer else self.layer or self.pattern or str(self)

    @property
    def is_default(self) -> bool:
        return self.pattern is None and self.layer_name is None

    def matches(self, variable: keras.Variable) -> bool:
        if self.layer is not None:
            return any(variable is mine for mine in self._variables())
        return self.pattern is not None and re.search(self.pattern, variable.path) is not None

    def may_be_idle(self) -> bool:
        """Whether it is no mistake that no trainable variable matches."""
        frozen = self.layer is not None and not any(v.trainable for v in self._variables())
        return frozen or self.is_default

    def _variables(self) -> list[keras.Variable]:
        return own_weights(self.layer) if self.own else self.layer.variables

    def get_config(self) -> dict[str, Any]:
        return {"pattern": self.pattern, "layer_name": self.layer_name, "own": self.own}


def group_of(key: Any) -> RateGroup:
    """Returns the group that a key of `multipliers` stands for; ValueError if it is none."""
    if isinstance(key, RateGroup):
        return key
    if isinstance(key, keras.Layer):
        if not key.variables:
            raise ValueError(
                f"Layer '{key.name}' has no variables, so no learning rate. Build the model "
                "first: call it on a batch, or give its `keras.Input`."
            )
        return RateGroup(layer_name=key.name, layer=key)
    if not isinstance(key, (str, re.Pattern)):
        raise ValueError(f"Keys of `multipliers` should be regexes or layers. Received: {key!r}.")
    return RateGroup(pattern=_text(as_pattern("multipliers", key)))


def _text(pattern: re.Pattern[str]) -> str:
    """Returns a regex as text alone, its flags written inside, so that a file can hold it."""
    if re.compile(pattern.pattern).flags == pattern.flags:
        return pattern.pattern
    letters = "".join(each for each in "aimsx" if pattern.flags & re.RegexFlag[each.upper()])
    return (
        f"(?{letters}:{pattern.pattern}\n)" if "x" in letters else f"(?{letters}:{pattern.pattern})"
    )


def route(variables: Sequence[keras.Variable], groups: Sequence[RateGroup]) -> list[int]:
    """Returns the index of the one group that each variable is in.

    Raises:
        ValueError: If a variable is in no group or in two, or a group has none.
    """
    forgotten = [str(group) for group in groups if group.layer_name and group.layer is None]
    if forgotten:
        raise ValueError(
            f"The optimizer comes from a config that knows {listed(forgotten)} by the place of "
            "their variables in another model. Make a new LayerwiseLearningRate for this one."
        )
    found = [[i for i, group in enumerate(groups) if group.matches(v)] for v in variables]
    default = [i for i, group in enumerate(groups) if group.is_default]
    found = [matching or default for matching in found]
    unmatched = [v.path for v, matching in zip(variables, found, strict=True) if not matching]
    if unmatched:
        raise ValueError(
            f"No multiplier matches the trainable variables {listed(unmatched)}. Add a key of "
            "`multipliers`, or give `default`, the multiplier of all others."
        )
    doubly = {
        v.path: [str(groups[i]) for i in matching]
        for v, matching in zip(variables, found, strict=True)
        if len(matching) > 1
    }
    if doubly:
        path, keys = next(iter(doubly.items()))
        raise ValueError(
            "Each trainable variable should have one multiplier. Received several for "
            f"{listed(doubly)}: '{path}' is matched by {' and '.join(keys)}."
        )
    used = {matching[0] for matching in found}
    idle = [g for i, g in enumerate(groups) if i not in used and not g.may_be_idle()]
    if idle:
        raise ValueError(
            f"No trainable variable is matched by {', '.join(map(str, idle))} in `multipliers`. "
            f"There are {listed(v.path for v in variables)}."
        )
    return [matching[0] for matching in found]
