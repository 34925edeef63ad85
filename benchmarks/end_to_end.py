"""Whole networks with Keras' normalizations and with ours, trained and run in turn.

    python benchmarks/end_to_end.py [--models MobileNetV2 …] [--engines tensorflow xla jax torch]
                                    [--rounds 3] [--steps 3] [--again]

Seconds a step of `fit` and of `predict`, 16 images of 96×96, random weights: the minimum of the
rounds, and in brackets the ratio to Keras' batch normalization. "first two" is what the first two
steps of a training take, in seconds by the clock and of processors, tracing and compiling included;
"other size" the first batch of 13. Each contender is a process; see `trainee.py`. JAX and torch
need `.venv-backends`, which comes with `make test-backends`. What was measured is kept in
build/end_to_end and not measured `--again`.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "build/end_to_end"
OTHERS = ROOT / ".venv-backends/bin/python"
MODELS = ["MobileNetV2", "ResNet50", "EfficientNetB0"]
ENGINES = {
    "tensorflow": (sys.executable, "tensorflow", []),
    "xla": (sys.executable, "tensorflow", ["xla"]),
    "jax": (OTHERS, "jax", ["xla"]),
    "torch": (OTHERS, "torch", []),
}
NORMALIZATIONS = {
    "keras": "batch, Keras'",
    "batch": "batch, ours",
    "keras group": "group, Keras'",
    "group": "group, ours",
}
PIXELS, BATCH, OTHER_BATCH = 96, 16, 13


class Trainee:
    """A process that trains a step or runs one when asked."""

    def __init__(self, model, normalization, engine):
        python, backend, mode = ENGINES[engine]
        command = [python, ROOT / "benchmarks/trainee.py", model, normalization, str(PIXELS), *mode]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        settings = {"text": True, "stderr": subprocess.DEVNULL, "env": environment, **pipes}
        self.process = subprocess.Popen(command, **settings)
        self.name = f"{model} {normalization} {engine}"

    def ask(self, run, steps, batch=BATCH, which="as it is"):
        """Returns seconds a step, by the clock and of processors."""
        request = {"run": run, "steps": steps, "batch": batch, "which": which}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.name} stopped at {request}: run trainee.py to see why")
        return json.loads(answer)


def measure(model, engine, rounds, steps):
    """Returns the results of one model with one engine by normalization."""
    trainees = {name: Trainee(model, name, engine) for name in NORMALIZATIONS}
    try:
        found = {
            name: {"first two": [2 * s for s in trainee.ask("fit", 2)]}
            for name, trainee in trainees.items()
        }
        runs = {name: [("fit", "as it is"), ("predict", "as it is")] for name in trainees}
        for name in ("keras", "batch"):
            runs[name].append(("predict", "folded"))
        for turn in range(rounds + 1):  # the first one compiles
            for name, trainee in trainees.items():
                for run, which in runs[name]:
                    seconds, _ = trainee.ask(run, steps if turn else 1, which=which)
                    if turn:
                        found[name].setdefault(f"{run}, {which}", []).append(seconds)
        for name, trainee in trainees.items():
            found[name]["other size"] = trainee.ask("fit", 1, OTHER_BATCH)
        return found
    finally:
        for trainee in trainees.values():
            trainee.process.kill()


def cells(result, base):
    """Returns the cells of a row: milliseconds with ratios, and what comes first."""
    row = []
    for key in ("fit, as it is", "predict, as it is", "predict, folded"):
        if key not in result:
            row.append("")
            continue
        ours = min(result[key])
        row.append(f"{1e3 * ours:.0f} ({ours / min(base[key.split(',')[0] + ', as it is']):.2f})")
    for key in ("first two", "other size"):
        row.append(" / ".join(f"{seconds:.1f}" for seconds in result[key]))
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--engines", nargs="+", default=[*ENGINES], choices=ENGINES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    columns = ["fit, ms", "predict, ms", "folded, ms", "first two, s", "other size, s"]
    table = Table("network", "engine", "normalization", *columns)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for model in options.models:
        for engine in options.engines:
            file = RESULTS / f"{model}-{engine}.json"
            if options.again or not file.exists():
                results = measure(model, engine, options.rounds, options.steps)
                file.write_text(json.dumps(results))
            results = json.loads(file.read_text())
            for name, result in results.items():
                table.add_row(model, engine, NORMALIZATIONS[name], *cells(result, results["keras"]))
            table.add_section()
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
