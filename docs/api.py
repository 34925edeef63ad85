"""The names of the API reference and its pages, from `__all__`: none can be forgotten."""

import types
from collections.abc import Iterator
from typing import Any, NamedTuple

import kerasnorm


class Section(NamedTuple):
    """A public module and those of its names that no module inside it has."""

    module: types.ModuleType
    names: list[str]


def chapters() -> list[types.ModuleType]:
    """Returns the public modules, in the order in which the package's docstring tells of them."""
    modules = [getattr(kerasnorm, name) for name in _modules_in(kerasnorm)]
    return sorted(modules, key=lambda module: kerasnorm.__doc__.index(f"`{module.__name__}`"))


def sections(chapter: types.ModuleType) -> list[Section]:
    """Returns what is on a chapter's page: the chapter's own names, then its modules'."""
    inner = [getattr(chapter, name) for name in _modules_in(chapter)]
    elsewhere = {id(getattr(module, name)) for module in inner for name in module.__all__}
    own = [name for name in _names_in(chapter) if id(getattr(chapter, name)) not in elsewhere]
    return [Section(chapter, own), *(Section(module, _names_in(module)) for module in inner)]


def public_names() -> Iterator[tuple[str, Any]]:
    """Yields (path, value) of every public class and function once, where its page has it."""
    for chapter in chapters():
        for module, names in sections(chapter):
            for name in names:
                yield f"{module.__name__}.{name}", getattr(module, name)


def shortcuts() -> dict[str, str]:
    """Returns where the names are that `import kerasnorm` alone gives."""
    places = {id(value): path for path, value in public_names()}
    return {name: places[id(getattr(kerasnorm, name))] for name in _names_in(kerasnorm)}


def _modules_in(module: types.ModuleType) -> list[str]:
    return [name for name in module.__all__ if _is_module(getattr(module, name))]


def _names_in(module: types.ModuleType) -> list[str]:
    return [name for name in module.__all__ if not _is_module(getattr(module, name))]


def _is_module(value: Any) -> bool:
    return isinstance(value, types.ModuleType)
