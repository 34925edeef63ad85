"""Our layers against Keras', TensorFlow Addons' and torch's, in turn, in one run.

    python benchmarks/normalization.py [--rounds 15] [--modes graph xla eager] [--dtypes float32]
                                       [--layouts last first] [--passes forward both gradient]

A contender whose environment is not there is left out: `.venv-addons` comes with
`make test-addons`, `.venv-backends` with `make test-backends`. Times are in ms, the minimum of all
rounds; "×" is the contender's time over ours (above 1 we are faster), by minimum and by median.
torch runs eagerly whatever the mode. Passes: the output; the output and the gradients, as in
training; the gradients alone, for which graphs compute no output. "floor" copies what must be read
and written. Memory is the peak of a run, outputs included, in sizes of the input. While timed, a
process keeps the memory that it frees: see `contender.py`.
"""

import argparse
import itertools
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
SHAPES = [(8, 56, 56, 64), (32, 14, 14, 256), (2, 128, 128, 256)]
LAYERS = ["group", "instance", "layer", "batch", "sync_batch"]
ENVIRONMENTS = {
    "kerasnorm": sys.executable,
    "keras": sys.executable,
    "tfa": ROOT / ".venv-addons/bin/python",
    "torch": ROOT / ".venv-backends/bin/python",
    "floor": sys.executable,
}


class Contender:
    """A process that runs one step when asked."""

    def __init__(self, name):
        self.name = name
        command = [ENVIRONMENTS[name], ROOT / "benchmarks/contender.py", name]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, stderr=subprocess.DEVNULL, **pipes)

    def ask(self, **request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.name} stopped at {request}: pipe that to contender.py to see why")
        return json.loads(answer)


def measure(contenders, case, rounds):
    """Returns the seconds of all rounds and the peak memory of each contender that can do it."""
    ready = {name: contender.ask(case=case) for name, contender in contenders.items()}
    ready = {name: answer for name, answer in ready.items() if answer["supported"]}
    seconds = {name: [] for name in ready}
    for _ in range(rounds):
        for name, times in seconds.items():
            times.append(contenders[name].ask(run=True)["seconds"])
    width = 4 if case["dtype"] == "float32" else 2
    size = width * math.prod(case["shape"])
    return {name: (seconds[name], ready[name]["bytes"] / size) for name in ready}


def row_of(results):
    """Returns the cells of one case: times, ratios and memory."""
    ours, memory = results["kerasnorm"]
    cells, ratios = [f"{1e3 * min(ours):.2f}"], {}
    for name in ENVIRONMENTS:
        if name == "kerasnorm":
            continue
        if name not in results:
            cells += ["", ""] if name != "floor" else [""]
            continue
        theirs, _ = results[name]
        cells.append(f"{1e3 * min(theirs):.2f}")
        if name != "floor":
            ratios[name] = min(theirs) / min(ours)
            middle = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
            cells.append(f"{ratios[name]:.2f} {middle:.2f}")
    if results["keras"][1] > 0:  # not where all fits into what the process holds already
        ratios["memory"] = memory / results["keras"][1]
    cells.append(f"{memory:.1f} / {results['keras'][1]:.1f}")
    return cells, ratios


def summary(ratios):
    """Returns the cells of the geometric means over the shapes."""
    cells = [""]
    for name in [*ENVIRONMENTS][1:]:
        if name == "floor":
            cells.append("")
            continue
        found = [ratio[name] for ratio in ratios if name in ratio]
        cells += ["", f"{_geometric_mean(found):.2f}" if found else ""]
    memory = [ratio["memory"] for ratio in ratios if ratio.get("memory", 0) > 0]
    return [*cells, f"{_geometric_mean(memory):.2f}×" if memory else ""]


def _geometric_mean(numbers):
    return math.prod(numbers) ** (1 / len(numbers))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--layers", nargs="+", default=LAYERS, choices=LAYERS)
    modes = ["graph", "xla", "eager"]
    parser.add_argument("--modes", nargs="+", default=modes[:2], choices=modes)
    parser.add_argument("--layouts", nargs="+", default=["last"], choices=["last", "first"])
    parser.add_argument(
        "--passes", nargs="+", default=["both"], choices=["forward", "both", "gradient"]
    )
    dtypes = ["float32", "bfloat16", "float16"]
    parser.add_argument("--dtypes", nargs="+", default=dtypes[:1], choices=dtypes)
    options = parser.parse_args()
    contenders = {n: Contender(n) for n, python in ENVIRONMENTS.items() if Path(python).exists()}
    columns = ["ours", "Keras", "×", "TFA", "×", "torch", "×", "floor", "memory, Keras'"]
    table = Table("layer", "mode", "pass", "layout", "dtype", "shape", *columns)
    settings = itertools.product(
        options.dtypes, options.layouts, options.passes, options.layers, options.modes
    )
    for dtype, layout, passes, layer, mode in settings:
        ratios = []
        heading = layer, mode, passes, layout, dtype
        for n, h, w, c in SHAPES:
            shape, axis = ((n, h, w, c), -1) if layout == "last" else ((n, c, h, w), 1)
            case = {"layer": layer, "shape": shape, "axis": axis, "dtype": dtype, "mode": mode}
            results = measure(contenders, {**case, "pass": passes}, options.rounds)
            cells, found = row_of(results)
            table.add_row(*heading, "×".join(map(str, shape)), *cells)
            ratios.append(found)
        table.add_row(*heading, "geometric mean", *summary(ratios), end_section=True)
        print(*heading, *summary(ratios), file=sys.stderr, flush=True)
    for contender in contenders.values():
        contender.process.kill()
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
