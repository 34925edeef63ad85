"""Settings of Sphinx for `make docs`: the sources are README.md, docs/, tutorials/ as they are."""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
TUTORIALS = HERE.parent / "tutorials"
sys.path.insert(0, str(HERE))
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", COLUMNS="90")  # the width of the commands' help

import docstrings  # noqa: E402
import mathml  # noqa: E402
import pages  # noqa: E402
import references  # noqa: E402

import kerasnorm  # noqa: E402

project = "kerasnorm"
author = "The kerasnorm developers"
version = release = kerasnorm.__version__
copyright = "the kerasnorm developers, Apache 2.0"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_nb",
]
root_doc = "README"
include_patterns = [
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md"),
    *("docs/**", "tutorials/*.ipynb"),
]
exclude_patterns = ["docs/_*", "build", ".venv*"]
default_role = "public"
smartquotes_action = "D"  # dashes alone: "freeze" is a value

autodoc_inherit_docstrings = False
autodoc_typehints = "none"  # the docstrings say more than the hints
autosummary_generate = False
napoleon_use_param = napoleon_use_rtype = False
napoleon_custom_sections = [
    ("Attributes", "params_style"),
    ("Call arguments", "params_style"),
    *("Example", "How labels are read", "Input shape", "Input shape and output shape"),
    *("Output shape", "Reference", "References", "Returns"),
]
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

nb_execution_mode = "off"
myst_heading_anchors = 4
myst_enable_extensions = ["dollarmath"]

html_theme = "furo"
html_title = f"kerasnorm {version}"
html_math_renderer = "mathml"  # no script, and no network
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["style.css"]
templates_path = ["_templates"]
html_additional_pages = {"index": "index.html"}

TABLE_OF_CONTENTS = """
```{{toctree}}
:hidden:
:caption: Tutorials
:glob:

tutorials/*
```

```{{toctree}}
:hidden:
:caption: How-to guides

docs/recipe
docs/which_normalization
docs/few_images
docs/unequal_classes
docs/from_tensorflow_addons
docs/several_gpus
docs/deploy
CONTRIBUTING
```

```{{toctree}}
:hidden:
:caption: Explanation

docs/measured
docs/real_pictures
docs/comparison
```

```{{toctree}}
:hidden:
:caption: Reference

docs/contents
docs/imbalance
docs/imbalance_sampling
docs/surgery
{reference}
CHANGELOG
```
"""


def add_table_of_contents(app, name, source):
    """Appends to the README, which GitHub shows without it, what the sidebar shows."""
    if name == root_doc:
        reference = "\n".join(f"docs/api/{page}" for page in app.config.reference_pages)
        source[0] += TABLE_OF_CONTENTS.format(reference=reference)


def link_notebooks(app, name, source):
    """Links tutorials to their notebooks, where the sources link to what GitHub shows of them."""
    for notebook in TUTORIALS.glob("*.ipynb"):
        source[0] = source[0].replace(f"{notebook.stem}.py)", f"{notebook.name})")


def name_language(app, name, source):
    """Says of a notebook that it is Python, which ours leave to the kernel."""
    if name.startswith(f"{TUTORIALS.name}/"):
        notebook = json.loads(source[0])
        notebook["metadata"]["language_info"] = {"name": "python"}
        source[0] = json.dumps(notebook)


def setup(app):
    app.add_config_value("reference_pages", pages.write(HERE / "api"), "env")
    app.connect("source-read", add_table_of_contents)
    app.connect("source-read", link_notebooks)
    app.connect("source-read", name_language)
    app.connect("autodoc-process-docstring", docstrings.to_rst, priority=400)
    app.connect("autodoc-process-signature", references.own_signature)
    app.connect("autodoc-skip-member", references.skip_fields)
    app.connect("doctree-read", references.link_code)
    app.add_role("public", references.public)
    mathml.setup(app)
