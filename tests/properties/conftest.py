"""Hypothesis draws the same examples each time; KERASNORM_EXAMPLES=1000 draws more of them."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "kerasnorm",
    max_examples=int(os.environ.get("KERASNORM_EXAMPLES", 25)),
    derandomize=True,
    deadline=None,
    database=None,
    # the fixture that seeds Keras need not come before each example
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("kerasnorm")
