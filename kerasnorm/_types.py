"""Defines the types that several signatures share.

Keras ships no types, so what it takes and returns is told here as closely as its documentation.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

StrPath: TypeAlias = str | os.PathLike[str]
Tensor: TypeAlias = Any  # each backend has a class of its own, and Keras one for what is symbolic
Shape: TypeAlias = tuple[int | None, ...]  # None: may vary
Logs: TypeAlias = Mapping[str, Any] | None  # what callbacks are given

# As Keras' `get` functions take them: a name, a configuration, or the function itself.
_Function: TypeAlias = str | dict[str, Any] | Callable[[Tensor], Tensor]
Initializer: TypeAlias = str | dict[str, Any] | Callable[..., Tensor]
Regularizer: TypeAlias = _Function | None
Constraint: TypeAlias = _Function | None
Activation: TypeAlias = _Function | None
