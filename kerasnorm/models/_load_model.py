"""Reads a model from a .keras file, with one clear error if it is none."""

from pathlib import Path

import keras


def load_model(path: Path, unsafe: bool = False) -> keras.Model:
    """Returns the model in a file.

    Args:
        path: of a .keras file.
        unsafe: whether Lambda layers in it may run their code.

    Raises:
        ValueError: if it is none, or has Lambda layers and is not to run them.
    """
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=not unsafe)
    except (ValueError, OSError, TypeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{str(path)!r} holds no model that can be read: {reason}") from error
