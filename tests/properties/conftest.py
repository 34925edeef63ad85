"""Hypothesis draws the same examples each time; KERASNORM_EXAMPLES=1000 draws more of them.

JAX compiles for each shape that is drawn, so there are fewer on other backends.
"""

import os

import keras
from hypothesis import HealthCheck, settings

EXAMPLES = 25 if keras.config.backend() == "tensorflow" else 8

settings.register_profile(
    "kerasnorm",
    max_examples=int(os.environ.get("KERASNORM_EXAMPLES", EXAMPLES)),
    derandomize=True,
    deadline=None,
    database=None,
    # the fixture that seeds Keras need not come before each example
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("kerasnorm")
