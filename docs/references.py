"""`name` in a docstring: a link where a public name is meant, code otherwise."""

import inspect

import api
from docutils import nodes
from sphinx import addnodes
from sphinx.util.inspect import stringify_signature

# alone they are words, or Keras' and Python's names
_WORDS = {"fit", "get", "join", "log", "losses", "names", "rates", "search"}


def _places() -> dict[str, str]:
    """Returns where a name is, by what the texts call it."""
    paths = [path for path, _ in api.public_names()]
    places = {path.rpartition(".")[2]: path for path in paths}
    places = {name: path for name, path in places.items() if name not in _WORDS}
    sections = [section for chapter in api.chapters() for section in api.sections(chapter)]
    whole = {path: path for path in [*paths, *(section.module.__name__ for section in sections)]}
    short = {path.removeprefix("kerasnorm."): path for path in whole if path.count(".") > 1}
    whole |= {f"kerasnorm.{name}": path for name, path in api.shortcuts().items()}
    return places | short | whole


_PLACES = _places()


def public(name, rawtext, text, line, inliner, options=None, content=()):
    """The default role."""
    return [_linked(nodes.literal(rawtext, text))], []


def link_code(app, doctree) -> None:
    """Links the names in guides and tutorials as those in docstrings."""
    for code in list(doctree.findall(nodes.literal)):
        if not isinstance(code.parent, nodes.title | nodes.reference | addnodes.pending_xref):
            code.replace_self(_linked(code.deepcopy()))


def _linked(code: nodes.literal) -> nodes.Node:
    place = _place(code.astext().partition("(")[0])
    if place is None:
        return code
    target = {"refdomain": "py", "reftype": "obj", "reftarget": place, "refexplicit": True}
    return addnodes.pending_xref("", code, **target)


def _place(name: str) -> str | None:
    name = name.replace("kn.", "kerasnorm.", 1) if name.startswith("kn.") else name
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
