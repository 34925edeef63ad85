"""Formulas as MathML, which browsers draw by themselves."""

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def setup(app) -> None:
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))


def _inline(translator, node) -> None:
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _block(translator, node) -> None:
    formula = tex2mathml(node.astext(), as_block=True)
    translator.body.append(f'<div class="math">{formula}</div>')
    raise nodes.SkipNode
