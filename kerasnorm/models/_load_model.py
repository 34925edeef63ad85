"""Reads a model from a .keras file, with one clear error if it is none."""

import struct
import zipfile
import zlib
from pathlib import Path

import keras

# what Keras, h5py and the standard library raise for damaged files, beside one another
DAMAGE = (
    *(ValueError, OSError, TypeError, LookupError, AttributeError, EOFError, ImportError),
    *(ArithmeticError, RuntimeError, MemoryError, AssertionError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


def load_model(path: Path, unsafe: bool = False, compiled: bool = False) -> keras.Model:
    """Returns the model in a file.

    Args:
        path: Of a .keras file.
        unsafe: Whether Lambda layers in it may run their code. Defaults to False.
        compiled: Whether it is compiled as it was. Defaults to False.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no model, or has Lambda layers and is not to run them.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file of a model {str(path)!r}.")
    try:
        model = keras.saving.load_model(path, compile=compiled, safe_mode=not unsafe)
    except DAMAGE as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise ValueError(f"{str(path)!r} holds no model that can be read: {lines[0]}") from error
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"{str(path)!r} holds no model that can be read: it is a {type(model).__name__}."
        )
    return model
