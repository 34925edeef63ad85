"""Varies some fields of a recipe."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from kerasnorm._validation import listed
from kerasnorm.recipe import Recipe

FIELDS = tuple(field.name for field in dataclasses.fields(Recipe))
SETTINGS = "_settings"


def split(field: str) -> tuple[str, str]:
    """Returns the chapter and the key in its settings, "" for the chapter's own name.

    Raises:
        ValueError: If no recipe has such a field.

    >>> split("optimizer_settings.learning_rate"), split("optimizer")
    (('optimizer', 'learning_rate'), ('optimizer', ''))
    """
    owner, dot, key = str(field).partition(".")
    if owner in FIELDS and owner.endswith(SETTINGS) == bool(dot) == bool(key):
        return owner.removesuffix(SETTINGS), key
    names = [name for name in FIELDS if not name.endswith(SETTINGS)]
    raise ValueError(
        f"A space names fields of a recipe: {listed(names)}, or settings, such as "
        f"'optimizer_settings.learning_rate'. Received: {field!r}."
    )


def vary(base: Recipe, drawn: Mapping[str, Any]) -> Recipe:
    """Returns a recipe with other values in some fields.

    A chapter that gets another name keeps of the base's settings those that the name has.

    Args:
        base: Gives what is not drawn.
        drawn: Values by dotted names of fields.

    Raises:
        ValueError: If the values contradict one another.

    >>> base = Recipe("group", normalization_settings={"groups": 4, "epsilon": 0.1})
    >>> print(vary(base, {"normalization": "layer", "transfer_settings.until": 0.5}))
    normalization: layer (epsilon=0.1); transfer: fine_tune (until=0.5); ...
    """
    names, settings = {}, defaultdict(dict)
    for field, value in drawn.items():
        chapter, key = split(field)
        if key:
            settings[chapter][key] = value
        else:
            names[field] = value
    changes = dict(names)
    for chapter in {*settings, *(name for name in names if name + SETTINGS in FIELDS)}:
        kept = settings_kept(base, chapter, names.get(chapter, getattr(base, chapter)))
        changes[chapter + SETTINGS] = {**kept, **settings[chapter]}
    return dataclasses.replace(base, **changes)


def settings_kept(base: Recipe, chapter: str, name: Any) -> dict[str, Any]:
    """Returns the settings of a chapter that stay if it gets that name."""
    settings = getattr(base, chapter + SETTINGS)
    return {
        key: value
        for key, value in settings.items()
        if name == getattr(base, chapter) or not refusal(chapter, name, {key: value})
    }


def refusal(chapter: str, name: Any, settings: Mapping[str, Any] | None = None) -> str:
    """Returns what a recipe has against a chapter's name and settings, "" for nothing."""
    given: dict[str, Any] = {} if settings is None else {chapter + SETTINGS: settings}
    try:
        Recipe(**{chapter: name}, **given)
    except ValueError as error:
        return str(error)
    return ""
