import importlib.util

# Each backend's module needs its own framework.
collect_ignore = [
    f"kerasnorm/backend/{name}.py"
    for name in ("jax", "torch")
    if importlib.util.find_spec(name) is None
]
