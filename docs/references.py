"""`name` in a docstring: a link where a public name is meant, code otherwise."""

import inspect

import api
from docutils import nodes
from sphinx import addnodes
from sphinx.util.inspect import stringify_signature

_PLACES = {key: path for path, _ in api.public_names() for key in (path, path.rpartition(".")[2])}
_PLACES |= {key.removeprefix("kerasnorm."): path for key, path in list(_PLACES.items())}
_OTHERS = {"fit", "get", "log", "names", "search"}  # Keras', Python's or words, as a rule


def public(name, rawtext, text, line, inliner, options=None, content=()):
    """The default role."""
    code = nodes.literal(rawtext, text)
    place = _place(text.partition("(")[0])
    if place is None:
        return [code], []
    target = {"refdomain": "py", "reftype": "obj", "reftarget": place, "refexplicit": True}
    return [addnodes.pending_xref(rawtext, code, **target)], []


def _place(name: str) -> str | None:
    if name in _OTHERS:
        return None
    owner, _, member = name.rpartition(".")
    return _PLACES.get(name) or (f"{_PLACES[owner]}.{member}" if owner in _PLACES else None)


def skip_fields(app, what, name, value, skip, options):
    """Leaves out the fields of named tuples, which the class' own docstring explains."""
    return True if (getattr(value, "__doc__", "") or "").startswith("Alias for field") else None


def own_signature(app, what, name, value, options, signature, returns):
    """Returns what a layer's `__init__` takes; Keras' layers have a `__new__` that takes all."""
    if signature != "(*args, **kwargs)":
        return None
    _self, *parameters = inspect.signature(value.__init__).parameters.values()
    return stringify_signature(inspect.Signature(parameters), show_annotation=False), returns
