import importlib.util

# Each backend's module needs its own framework.
collect_ignore = [
    f"kerasnorm/backend/{folder}_{name}.py"
    for name in ("jax", "torch")
    for folder in ("", "autodiff/", "engine/")
    if importlib.util.find_spec(name) is None
]
