"""Every public name says what it takes, shows how it is used, and is in the API reference."""

import ast
import builtins
import doctest
import inspect
import re
import textwrap

import api
import keras
import pytest
from backends import once

import kerasnorm

pytestmark = once
NAMES = dict(api.public_names())
STYLED = [path for path in NAMES if path != "kerasnorm.transfer.fine_tune"]  # is being changed
MODULES = {s.module.__name__ for chapter in api.chapters() for s in api.sections(chapter)}
NO_NOUN_PHRASE = re.compile(r"[a-z]{2,} |(?:Of|Those|That|What|How|Says) ")
ENTRY = re.compile(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*):", re.MULTILINE)


def described(docstring):
    """Returns the names that the sections of arguments and attributes begin their lines with."""
    sections = re.findall(
        r"^(?:Args|Attributes):\n((?:    .*\n|\n(?=    ))+)", docstring, re.MULTILINE
    )
    entries = ", ".join(entry for section in sections for entry in ENTRY.findall(section))
    return entries.replace("*", "").split(", ")


def parameters(value):
    """Returns the names of what a function, or the `__init__` of a class, takes."""
    if not inspect.isclass(value):
        return list(inspect.signature(value).parameters)
    made_by = value.__new__ if issubclass(value, tuple) else value.__init__
    return list(inspect.signature(made_by).parameters)[1:]


@pytest.mark.parametrize("path", NAMES)
def test_has_a_runnable_example(path):
    assert doctest.DocTestParser().get_examples(inspect.getdoc(NAMES[path])), f"no >>> in {path}"


@pytest.mark.parametrize("path", NAMES)
def test_describes_what_it_takes(path):
    docstring = NAMES[path].__doc__  # its own: `getdoc` would take that of a base
    assert docstring, f"{path} has no docstring"
    missing = set(parameters(NAMES[path])).difference(described(inspect.cleandoc(docstring) + "\n"))
    assert not missing, f"{path} does not describe {missing}"


def names_beside(path):
    """Returns the names on the page that a name is on."""
    chapter = path.split(".")[1]
    return {name.rpartition(".")[2] for name in NAMES if name.split(".")[1] == chapter}


@pytest.mark.parametrize("path", NAMES)
def test_the_example_imports_what_it_uses(path):
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(NAMES[path]))
    nodes = list(ast.walk(ast.parse("".join(example.source for example in examples))))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    used = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    made |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    made |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    made |= {(node.asname or node.name) for node in nodes if isinstance(node, ast.alias)}
    known = {"keras", "np", *vars(builtins)}  # and the chapter's own
    assert not used - made - known - names_beside(path)


def raises_by_itself(value):
    """Returns whether what a caller runs, a function or the making of a class, has a `raise`."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(value))).body
    made_by = ("__init__", "__post_init__")
    run = [part for part in tree.body if getattr(part, "name", None) in made_by]
    parts = run if inspect.isclass(value) else [tree]
    return any(isinstance(node, ast.Raise) for part in parts for node in ast.walk(part))


@pytest.mark.parametrize("path", NAMES)
def test_says_what_it_raises(path):
    if raises_by_itself(NAMES[path]):
        assert "\nRaises:\n" in inspect.getdoc(NAMES[path])


def section(path, *headings):
    """Returns the text of a section of a docstring without line breaks, or ""."""
    found = re.search(
        rf"^(?:{'|'.join(headings)}):\n((?:    .*\n?|\n(?=    ))+)",
        inspect.getdoc(NAMES[path]) + "\n",
        re.MULTILINE,
    )
    return " ".join(found[1].split()) if found else ""


def is_public(name):
    """Returns whether a name in a docstring is one of this package or of Keras."""
    first = name.partition("(")[0]
    last = first.rpartition(".")[2]
    if first.startswith("keras."):
        return hasattr(eval(first.rpartition(".")[0], {"keras": keras}), last)
    known = {path.rpartition(".")[2] for path in NAMES} | set(vars(kerasnorm.ClassCounts))
    return last in known or first in MODULES


@pytest.mark.parametrize("path", NAMES)
def test_says_what_to_see_also(path):
    names = re.findall("`([^`]+)`", section(path, "See also"))
    assert names, f"{path} has no 'See also'"
    settings = {"gradual"}  # arguments that it speaks of
    assert not [name for name in names if name not in settings and not is_public(name)]


@pytest.mark.parametrize("path", STYLED)
def test_a_reference_has_author_year_and_title(path):
    text = section(path, "Reference", "References")
    if "https://" in text:
        for entry in re.findall(r"(.+?)https?://\S+(?: \([^)]*\))?[.;,]?\s*", text):
            assert re.match(r"\W*[A-ZÁ][^\d]+(?:, \d{4})?, .{8,}, $", entry), f"{path}: {entry}"


@pytest.mark.parametrize("path", STYLED)
def test_an_argument_is_a_capital_noun_phrase(path):
    entries = first_lines(path)
    assert not [text for text in entries if NO_NOUN_PHRASE.match(text)]


def first_lines(path):
    """Returns the first line of the description of each argument."""
    found = re.search(
        r"^Args:\n((?:    .*\n?|\n(?=    ))+)", inspect.getdoc(NAMES[path]) + "\n", re.MULTILINE
    )
    return re.findall(r"^    \*{0,2}\w+(?:, \*{0,2}\w+)*: (.*)$", found[1], re.M) if found else []


def test_every_public_name_is_in_the_reference():
    shown = {id(value) for value in NAMES.values()}
    for module in [kerasnorm, *api.chapters()]:
        for name in module.__all__:
            value = getattr(module, name)
            assert inspect.ismodule(value) or id(value) in shown, f"{module.__name__}.{name}"


def test_no_name_is_in_the_reference_twice():
    assert len({id(value) for value in NAMES.values()}) == len(NAMES) > 100
