"""Runs tutorials and writes them as notebooks, with what they print and draw.

    python tutorials/execute.py [01_normalization.py …]

It needs the environment of `make tutorials`. Without arguments it runs all of them.
"""

import argparse
import time
from pathlib import Path

import jupytext
import nbclient
import nbformat

HERE = Path(__file__).parent


def execute(path: Path) -> Path:
    """Returns the path of the notebook."""
    notebook = jupytext.read(path)
    settings = {"record_timing": False, "resources": {"metadata": {"path": HERE}}}
    nbclient.NotebookClient(notebook, timeout=None, **settings).execute()
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index}"  # random ones would differ each time
        if cell.cell_type == "code":  # warnings speak of this machine and its folders
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    notebook.metadata.pop("language_info", None)  # the Python that happened to run it
    nbformat.write(notebook, path.with_suffix(".ipynb"))
    return path.with_suffix(".ipynb")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tutorials", nargs="*", type=Path, help="files; all by default")
    for path in parser.parse_args().tutorials or sorted(HERE.glob("[0-9]*.py")):
        began = time.perf_counter()
        written = execute(path)
        size = written.stat().st_size / 1000
        print(f"{written}: {size:.0f} kB, {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
