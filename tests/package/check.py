"""Run by `make test-package` with the wheel installed and no sources around."""

import importlib.metadata
import importlib.resources
import time

import keras  # noqa: F401
import tensorflow  # noqa: F401

start = time.perf_counter()
import kerasnorm  # noqa: E402

seconds = time.perf_counter() - start

metadata = importlib.metadata.metadata("kerasnorm")
problems = []
if metadata["License-Expression"] != "Apache-2.0":
    problems.append("the metadata have no licence")
if not metadata["Description"]:
    problems.append("the metadata have no description")
if importlib.metadata.version("kerasnorm") != kerasnorm.__version__:
    problems.append("the versions differ")
if not (importlib.resources.files("kerasnorm") / "py.typed").is_file():
    problems.append("py.typed is missing")
extras = {"test", "tutorials", "tuning", "addons", "dev", "demo"}
if not extras <= set(metadata.get_all("Provides-Extra")):
    problems.append("an extra is missing")
if problems:
    raise SystemExit("; ".join(problems))
print(f"kerasnorm {kerasnorm.__version__}: {seconds:.3f} s beyond keras and tensorflow")
