"""Searches of seconds."""

from tuning.quick import quick_collections  # noqa: F401
