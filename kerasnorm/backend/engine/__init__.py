"""How a backend divides batches among devices and processes, and what these tell one another.

Each module has the same few names, as in `kerasnorm.backend`.
"""

from kerasnorm.backend import module_of

_engine = module_of(__name__)
EngineError = _engine.EngineError
abort = _engine.abort
check_job = _engine.check_job
data_parallel = _engine.data_parallel
everyones = _engine.everyones
in_scope_of = _engine.in_scope_of
of_root = _engine.of_root
resolve_jit = _engine.resolve_jit
scope_of = _engine.scope_of

__all__ = [
    "EngineError",
    "abort",
    "check_job",
    "data_parallel",
    "everyones",
    "in_scope_of",
    "of_root",
    "resolve_jit",
    "scope_of",
]
