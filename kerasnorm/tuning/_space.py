"""Defines what is drawn, from which values, and in which recipes."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any

from kerasnorm._validation import listed
from kerasnorm.recipe import Recipe
from kerasnorm.tuning._choices import Choices
from kerasnorm.tuning._ranges import Range
from kerasnorm.tuning._vary import SETTINGS, refusal, settings_kept, split

Values = Choices | Range
Condition = tuple[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Entry:
    """A field of the recipe that is drawn.

    Attributes:
        name: Keras-tuner's for it. Each has its own: of two with one name and the same
            conditions, keras-tuner ignores the values of the second.
        field: The dotted name of the recipe's field.
        values: What it may be.
        conditions: Pairs of another entry's name and those of its labels that it is drawn beside.
    """

    name: str
    field: str
    values: Values
    conditions: tuple[Condition, ...] = ()

    @property
    def depends_on_a_setting(self) -> bool:
        """Whether another setting decides if it is drawn, and not just a chapter's name."""
        return any(split(parent)[1] for parent, _ in self.conditions)

    def declare(self, hp: Any) -> None:
        """Tells keras-tuner's `HyperParameters` of it."""
        with contextlib.ExitStack() as scopes:
            for parent, labels in self.conditions:
                scopes.enter_context(hp.conditional_scope(parent, list(labels)))
            self.values.declare(hp, self.name)


class Space:
    """Values for fields of a recipe; a setting is drawn where the recipe would have it.

    Args:
        fields: As `RecipeHyperModel` takes them.
        base: The recipe that gives all else.

    Raises:
        ValueError: For an unknown field, for values that are none, and for one that no recipe of
            the space accepts.
    """

    def __init__(self, fields: Mapping[str, Any], base: Recipe) -> None:
        if not isinstance(fields, Mapping) or not fields:
            raise ValueError(
                "`space` should be a dict of values by the names of a recipe's fields, at least "
                f"one. Received: {fields!r}."
            )
        self.base: Recipe = base
        parts = [split(field) for field in fields]
        self.fields: dict[str, Values | dict[Any, Values]] = {
            field: _read(field, values) for field, values in fields.items()
        }
        self.names: dict[str, list[Any]] = {
            chapter: self.fields[chapter].examples if chapter in self.fields else [own]
            for chapter, own in ((chapter, getattr(base, chapter)) for chapter, _ in parts)
        }
        self.entries: list[Entry] = [self._chapter(chapter) for chapter, key in parts if not key]
        settings = [entry for chapter, key in parts if key for entry in self._setting(chapter, key)]
        # those that depend on another setting come after it, as keras-tuner needs it
        self.entries += sorted(settings, key=lambda entry: entry.depends_on_a_setting)

    def declare(self, hp: Any) -> None:
        """Tells keras-tuner's `HyperParameters` of all entries."""
        for entry in self.entries:
            entry.declare(hp)

    def suggest(self, trial: Any) -> Any:
        """Returns what Optuna draws for a trial, as keras-tuner's `HyperParameters`."""
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        for entry in self.entries:
            if all(hp.values.get(parent) in labels for parent, labels in entry.conditions):
                hp.values[entry.name] = entry.values.suggest(trial, entry.name)
        return hp

    def drawn(self, hp: Any) -> dict[str, Any]:
        """Returns the values by field that were drawn."""
        declared = {parameter.name for parameter in hp.space}
        # only then: for each scope that a build opens, keras-tuner builds another model
        if not declared.issuperset(entry.name for entry in self.entries):
            self.declare(hp)
        active = [entry for entry in self.entries if entry.name in hp]
        return {entry.field: entry.values.value(hp.get(entry.name)) for entry in active}

    def to_json(self) -> dict[str, Any]:
        """Returns what tells it from another space in a file."""
        return {
            field: {str(name): one.to_json() for name, one in values.items()}
            if isinstance(values, dict)
            else values.to_json()
            for field, values in self.fields.items()
        }

    def _chapter(self, chapter: str) -> Entry:
        values = self.fields[chapter]
        for name in values.examples:
            if reason := refusal(chapter, name):
                raise ValueError(f"No recipe has {chapter}={name!r}. {reason}")
        return Entry(chapter, chapter, values)

    def _setting(self, chapter: str, key: str) -> Iterator[Entry]:
        """Yields the entries of a setting: one, or one for each name that has its own values."""
        field = f"{chapter}{SETTINGS}.{key}"
        values, names = self.fields[field], self.names[chapter]
        if not isinstance(values, dict):
            yield Entry(field, field, values, self._conditions(field, values, names))
            return
        unknown = [name for name in values if name not in names]
        if unknown:
            raise ValueError(
                f"{field!r} has values for {listed(unknown)}; `{chapter}` in this space is one of "
                f"{listed(names)}."
            )
        for name, own in values.items():
            yield Entry(f"{field} ({name})", field, own, self._conditions(field, own, [name]))

    def _conditions(self, field: str, values: Values, names: list[Any]) -> tuple[Condition, ...]:
        """Returns beside what the recipe has a setting, if its chapter's name is one of `names`.

        A setting may belong to a value of another one, as `beta` does to one `scheme`.
        """
        chapter, key = split(field)
        fits = []
        for value in values.examples:
            drawn = {name: {**self._kept(chapter, name), key: value} for name in names}
            found = [
                (name, None, None) for name in names if not refusal(chapter, name, drawn[name])
            ]
            found = found or [
                (name, other, label)
                for name in names
                for other, label, beside in self._others(chapter, key)
                if not refusal(chapter, name, {**drawn[name], **beside})
            ]
            if not found:
                reasons = {refusal(chapter, name, drawn[name]): None for name in names}
                raise ValueError(f"No recipe has {field}={value!r} here. {' '.join(reasons)}")
            fits += found
        parent = fits[0][1] if all(other for _, other, _ in fits) else None
        fits = [fit for fit in fits if fit[1] == parent]
        allowed, _, labels = (tuple(dict.fromkeys(column)) for column in zip(*fits, strict=True))
        conditions = []
        if chapter in self.fields and len(allowed) < len(self.names[chapter]):
            conditions.append((chapter, tuple(map(json.dumps, allowed))))
        if parent and None not in labels:
            conditions.append((parent, labels))
        return tuple(conditions)

    def _kept(self, chapter: str, name: Any) -> dict[str, Any]:
        """Returns the base's settings that stay beside a name and are not drawn."""
        kept = settings_kept(self.base, chapter, name)
        return {k: v for k, v in kept.items() if f"{chapter}{SETTINGS}.{k}" not in self.fields}

    def _others(self, chapter: str, key: str) -> Iterator[tuple[str, str | None, dict[str, Any]]]:
        """Yields (entry, label, setting) of the chapter's other settings; None for a range's."""
        for field, values in self.fields.items():
            owner, other = split(field)
            if owner != chapter or other in ("", key) or isinstance(values, dict):
                continue
            for value in values.examples:
                label = json.dumps(value) if isinstance(values, Choices) else None
                yield field, label, {other: value}


def _read(field: str, values: Any) -> Values | dict[Any, Values]:
    """Returns the values of a field, or of each name of the chapter that has its own."""
    if isinstance(values, Mapping) and split(field)[1]:
        return {name: _values(field, own) for name, own in values.items()}
    return _values(field, values)


def _values(field: str, values: Any) -> Values:
    return values if isinstance(values, Range) else Choices(field, values)
