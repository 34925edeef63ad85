"""Compares what decides a training with what decided the one that a backup is of."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kerasnorm._validation import joined

_MOST, _LONGEST = 5, 200
_MISSING = object()


def check_fingerprint(place: Path, began: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuses to resume a training that something else decides than when it began.

    Args:
        place: The backup.
        began: Its fingerprint, as JSON holds it.
        now: That of the training that is to resume it, with the same names.

    Raises:
        ValueError: That says what differs, by name: what it was and what it is.
    """
    now = as_json(now)
    differing = list(_differences("", as_json(began), now))
    if differing:
        before, received = (
            joined([f"{name}={_short(pair[side])}" for name, *pair in differing], most=_MOST)
            for side in (0, 1)
        )
        raise ValueError(
            f"'{place}' holds a training that began with {before}. Received: {received}. Resume "
            "with the same arguments, choose another folder, or remove this one to start anew."
        )


def as_json(value: Any) -> Any:
    """Returns a fingerprint as it is read back from a file."""
    return json.loads(json.dumps(value))


def _differences(name: str, began: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yields the path, the old and the new value of all that differs."""
    if isinstance(began, dict) and isinstance(now, dict):
        for key in {**began, **now}:
            inside = f"{name}.{key}" if name else key
            pair = (each.get(key, _MISSING) for each in (began, now))
            yield from _differences(inside, *pair)
    elif began is _MISSING or now is _MISSING or json.dumps(began) != json.dumps(now):  # NaN too
        yield name, began, now


def _short(value: Any) -> str:
    text = "none" if value is _MISSING else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
