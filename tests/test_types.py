"""Public functions, and the public methods of public classes, are annotated.

`make lint` has pyright look at the types, but Keras' decorator hides registered classes from it.
"""

import inspect

import api
import pytest

NAMES = dict(api.public_names())


def functions_of(value):
    """Yields a function itself, or what a class and its bases in this package define."""
    if inspect.isfunction(value):
        yield value
        return
    for cls in value.__mro__:
        if cls.__module__.startswith("kerasnorm"):
            for name, member in vars(cls).items():
                function = getattr(member, "fget", getattr(member, "__func__", member))
                is_public = not name.startswith("_") or name in ("__init__", "__call__")
                if inspect.isfunction(function) and is_public:
                    yield function


@pytest.mark.parametrize("path", NAMES)
def test_is_annotated(path):
    bare = [
        f"{function.__qualname__}: {name}"
        for function in functions_of(NAMES[path])
        for name in [*inspect.signature(function).parameters, "return"]
        if name not in ("self", "cls") and name not in function.__annotations__
    ]
    assert not bare
