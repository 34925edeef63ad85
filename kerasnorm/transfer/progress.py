"""What a work that is taken up again has to agree with, in files that are whole."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def differences(began: Mapping[str, Any], plan: Mapping[str, Any]) -> tuple[str, str] | None:
    """Returns how a work began and what it is to be now where they differ, or None.

    >>> differences({"seed": 0, "epochs": 3}, {"seed": 0, "epochs": 4})
    ('epochs=3', 'epochs=4')
    """
    changed = [key for key in plan if began.get(key) != plan[key]]
    if not changed:
        return None
    before, now = (
        ", ".join(f"{key}={source.get(key)!r}" for key in changed) for source in (began, plan)
    )
    return before, now


def write_json(path: Path, content: Any) -> None:
    """Writes JSON, all or nothing."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    os.replace(part, path)
