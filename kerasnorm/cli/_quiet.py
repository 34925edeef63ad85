"""Keeps TensorFlow's messages out of the output of the command."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Holds back what is written to stderr while TensorFlow is imported inside.

    Its C++ says how it was built before anything can tell it to be silent. If the import fails, all
    that was held back is shown. `TF_CPP_MIN_LOG_LEVEL=0` in the environment shows everything.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if "tensorflow" in sys.modules or os.environ.setdefault(_LEVEL, "3") == "0":
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
    logging.getLogger("absl").setLevel(logging.ERROR)  # which is made by the import
