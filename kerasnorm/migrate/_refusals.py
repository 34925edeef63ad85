"""Refuses a layer that cannot be built, by its name, with what to do."""

import contextlib
from collections.abc import Iterator

from kerasnorm.backend.engine import EngineError
from kerasnorm.migrate._custom import line_to_write

# what Keras, its backend and our layers raise for arguments that make no sense
ERRORS = (
    *(ValueError, TypeError, AttributeError, LookupError, ArithmeticError, AssertionError),
    *(NotImplementedError, RuntimeError, MemoryError, NameError, EngineError),
)


def unknown(name: str) -> str:
    """Returns why a layer of a class that is not known is refused."""
    remedy = (
        "Rebuild the model in Keras 3 with a layer that does the same, and load its weights with "
        "`load_tfa_weights`."
    )
    if name in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        return f"It is an operation of TensorFlow, which no file of Keras 3 can hold. {remedy}"
    if name.startswith("Addons>"):
        return f"Keras 3 has nothing that does the same as TensorFlow Addons' layer. {remedy}"
    line = f"If it is yours, give it: {line_to_write(name)}. {remedy}"
    if ">" in name:
        return f"It is of a class of somebody's own, and no code of a file is run. {line}"
    return f"Keras 3 has no such layer, or it is not known to do the same. {line}"


@contextlib.contextmanager
def naming(path: str, old_class: str) -> Iterator[None]:
    """Lets what cannot be made be refused by the name of the layer."""
    try:
        yield
    except LayerError:
        raise
    except ERRORS as error:
        reason = " ".join(str(error).split())
        raise LayerError(
            f"Layer '{path}' of class {old_class} cannot be translated to Keras 3: {reason[:500]}"
        ) from error


class LayerError(ValueError):
    """An error that names the layer already."""
