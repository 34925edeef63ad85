"""Compiles what graphs of TensorFlow train with on the CPU, in pieces that cost little to compile.

TensorFlow's own kernels write a dozen tensors of the input's size where XLA writes one. But XLA
compiles each program again for each shape. So only the passes over the input are compiled, four a
shape, shared by all layers, and for a size or two of batches, the first that come. Last, filtered
and bucketed batches of other sizes are left to the kernels.
"""

import functools
import math
import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.func_graph import FuncGraph
from tensorflow.python.ops.resource_variable_ops import ResourceVariable

from kerasnorm._types import Shape, Tensor
from kerasnorm.backend import _reference as reference

_LARGE = 24576
_VERY_LARGE = 49152
_ONLY_CPU = {device.device_type for device in tf.config.list_physical_devices()} == {"CPU"}
# of each shape the sizes of batches that are known when a graph is traced, two at most
_known_sizes: dict[Any, list[int]] = {}
# of each graph and shape the size of the first batch where that is not known; 0: none yet
_first_sizes = weakref.WeakKeyDictionary()


def worth_compiling(shape: Shape) -> bool:
    """Returns whether a training graph on the CPU should leave examples of this shape to XLA.

    It takes up to a third of a second a shape, which smaller ones are not worth. Graphs for
    inference stay as they are: converters of models do not know compiled functions.
    """
    if None in shape[1:] or math.prod(shape[1:]) < _LARGE:
        return False
    if not _ONLY_CPU or not tf.test.is_built_with_xla():
        return False
    if shape[0] is None:
        return isinstance(tf.compat.v1.get_default_graph(), FuncGraph)
    sizes = _known_sizes.setdefault(shape[1:], [])
    if shape[0] not in sizes and len(sizes) < 2:
        sizes.append(shape[0])
    return shape[0] in sizes


def is_compiled_size(x: Tensor) -> Tensor | None:
    """Returns whether a batch has a size that is compiled for, as a tensor; None: it always has.

    That is the last one known elsewhere, as Keras traces a first batch by its size and the next
    by none, and the first one in this graph that it is not.
    """
    if x.shape[0] is not None:
        return None
    graph = tf.compat.v1.get_default_graph()
    while isinstance(graph.outer_graph, FuncGraph):
        graph = graph.outer_graph
    shape = tuple(x.shape[1:])
    sizes = _first_sizes.setdefault(graph, {})
    if shape not in sizes:
        with tf.init_scope():
            sizes[shape] = ResourceVariable(0, trainable=False)
    size, known = tf.shape(x)[0], _known_sizes.get(shape, [0])[-1]
    first = sizes[shape].read_value()
    is_known = tf.equal(size, known)
    first = tf.where(tf.logical_or(first > 0, is_known), first, size)
    sizes[shape].assign(first)
    return tf.logical_and(size > 0, tf.logical_or(is_known, tf.equal(size, first)))


def call(
    formula: Any,
    name: str,
    primitives: reference.Primitives,
    compile_it: bool,
    whole: bool,
    chosen: Tensor | None,
    tensors: tuple[Any, ...],
) -> Any:
    """Calls a method of primitives and tensors in a graph, which layers of one shape share.

    Args:
        formula: hashable, with the method.
        name: of the method.
        primitives: those of plain graphs.
        compile_it: whether to compile anything.
        whole: whether to compile all as one program.
        chosen: see `is_compiled_size`.
        tensors: what else it takes.
    """

    def plain() -> Any:
        return _called(_traced(formula, name, primitives, None, False), tensors)

    if not compile_it:
        return plain()
    if not whole:
        return _called(_traced(formula, name, primitives, _Fuse, False), (chosen, *tensors))
    compiled = functools.partial(_called, _traced(formula, name, primitives, None, True), tensors)
    return compiled() if chosen is None else tf.cond(chosen, compiled, plain)


def _called(function: Any, tensors: tuple[Any, ...]) -> Any:
    return function.get_concrete_function(*tensors)(*tensors)


@functools.cache
def _traced(
    formula: Any,
    name: str,
    primitives: reference.Primitives,
    fuse: type | None,
    jit_compile: bool,
) -> Callable[..., Any]:
    method = getattr(formula, name)

    def traced(*tensors: Any) -> Any:
        if fuse is None:
            return method(primitives, *tensors)
        chosen, *tensors = tensors
        return method(primitives._replace(fuse=fuse(chosen)), *tensors)

    return tf.function(
        traced,
        jit_compile=jit_compile or None,
        autograph=False,
        experimental_attributes={"_noinline": True},
    )


class _Fuse:
    """Compiles a function of the centred input, where the batch has the size for it."""

    def __init__(self, chosen: Tensor | None) -> None:
        self.chosen = chosen

    def __call__(
        self, function: Callable[..., Any], centred: reference.Centred, *tensors: Tensor | None
    ) -> Any:
        if isinstance(function, reference.Sums) and math.prod(centred.x.shape[1:]) < _VERY_LARGE:
            return function(centred.value, *tensors)
        given = centred.x, centred.center, *tensors
        if self.chosen is None:
            return _called(_piece(function, True), given)
        return _choose(self.chosen, function, given)


def _choose(chosen: Tensor, function: Callable[..., Any], given: tuple[Tensor | None, ...]) -> Any:
    """Calls the function compiled, or as it is: `tf.cond` would trace both for each call."""
    compiled = _branch(function).get_concrete_function(*given)
    plain = _piece(function, False).get_concrete_function(*given)
    outputs = tf.nest.flatten(plain.structured_outputs)
    found = tf.raw_ops.StatelessIf(
        cond=chosen,
        input=[tensor for tensor in given if tensor is not None],
        Tout=[output.dtype for output in outputs],
        then_branch=compiled,
        else_branch=plain,
    )
    for tensor, output in zip(found, outputs, strict=True):
        tensor.set_shape(output.shape)
    return tf.nest.pack_sequence_as(plain.structured_outputs, found)


@functools.cache
def _piece(function: Callable[..., Any], jit_compile: bool) -> Callable[..., Any]:
    def piece(x: Tensor, center: Tensor, *tensors: Tensor | None) -> Any:
        return function(reference.Centred(x, center, None).value, *tensors)

    return tf.function(piece, jit_compile=jit_compile or None, autograph=False)


@functools.cache
def _branch(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns what calls a compiled piece: of a branch itself, nobody asks whether it is one."""
    piece = _piece(function, True)
    return tf.function(lambda *given: _called(piece, given), autograph=False)
