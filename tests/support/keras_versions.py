"""What Keras does otherwise before its newest versions."""

import keras

_VERSION = tuple(map(int, keras.__version__.split(".")[:2]))

# activity penalties: means over the batch, and not sums, which grow with it
PENALTIES_ARE_MEANS = _VERSION >= (3, 14)
# layers of a list in a dict of a custom layer
FILES_HOLD_LISTS_IN_DICTS = _VERSION >= (3, 14)
# Muon, called with variables by `apply`, as every other optimizer is
MUON_APPLIES = _VERSION >= (3, 13)
HAS_RENORM = _VERSION >= (3, 14)
