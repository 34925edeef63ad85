"""Defines settings that are one of several values."""

import json
from collections.abc import Sequence
from typing import Any

from kerasnorm.recipe import Settings


class Choices:
    """One of some values of any type that JSON has.

    keras-tuner knows choices of one type only, and no None, so that it is given them as JSON.
    """

    def __init__(self, name: str, values: Any) -> None:
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise ValueError(
                f"The values of {name!r} should be a list of choices or a range such as "
                f"`log(1e-4, 1e-2)`; a setting's can be a dict of these by the chapter's name. "
                f"Received: {values!r}."
            )
        # recipes keep their settings in the same way, which makes them fit JSON
        self.labels = [json.dumps(Settings({name: value})[name]) for value in values]
        if not self.labels or len({*self.labels}) < len(self.labels):
            raise ValueError(
                f"The choices of {name!r} should be one or more, all different. "
                f"Received: {values!r}."
            )

    @property
    def examples(self) -> list[Any]:
        """The choices."""
        return [self.value(label) for label in self.labels]

    def declare(self, hp: Any, name: str) -> None:
        """Tells keras-tuner's `HyperParameters` of them."""
        hp.Choice(name, self.labels)

    def suggest(self, trial: Any, name: str) -> str:
        """Returns what Optuna draws of them for a trial, as keras-tuner would have it."""
        return trial.suggest_categorical(name, self.labels)

    def value(self, drawn: str) -> Any:
        """Returns what was drawn, as a recipe takes it."""
        return json.loads(drawn)

    def to_json(self) -> list[Any]:
        """Returns what tells them from other values in a file."""
        return self.examples
