"""Writes JSON as every reader takes it."""

import json
import math
from typing import Any


def strict_json(content: Any, indent: int | None = None) -> str:
    """Returns the text of nested values, null for numbers that are not finite.

    Python writes NaN and Infinity, which are no JSON, and which most other readers refuse.

    >>> strict_json({"loss": [0.5, float("nan")]})
    '{"loss": [0.5, null]}'
    """
    return json.dumps(_finite(content), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
