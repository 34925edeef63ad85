"""Prints the table of measure.py's results, and how far each way is from the best of a data set.

    python benchmarks/real/table.py [results.jsonl …]

Balanced accuracy of the test pictures in %, mean ± deviation over the seeds (− for one seed). The
last table says what one would lose by choosing for each data set the way that is best on the mean
of the others: "leave one data set out".
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from measure import FEATURES, HERE, read
from rich.console import Console
from rich.table import Table

COLUMNS = ["accuracy", "many", "medium", "few", "calibration_error"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", default=[HERE / "results.jsonl"])
    lines = [line for file in parser.parse_args().files for line in read(Path(file))]
    for setting in sorted({(line["network"], line["size"]) for line in lines}):
        chosen = [line for line in lines if (line["network"], line["size"]) == setting]
        show(chosen, f"{setting[0]}, {setting[1]} pixels")


def show(lines, title):
    """Prints the tables of one network at one size."""
    console = Console(width=160)
    figures = by_row(lines)
    data = [*dict.fromkeys(line["data"] for line in lines)]
    table = Table("", *data, "processor s", "calibration error", title=title)
    for row, cells in figures.items():
        if row != FEATURES:
            every = [line for name in data for line in cells[name]]
            seconds = np.mean([line["cpu_s"] for line in every])
            error = np.mean([line["calibration_error"] for line in every])
            shown = [spread([line["balanced_accuracy"] for line in cells[name]]) for name in data]
            table.add_row(row, *shown, f"{seconds:.0f}", f"{error:.2f}")
    console.print(table)
    frozen = [line["cpu_s"] for name in data for line in figures[FEATURES][name]]
    console.print(f"The frozen features of a data set take {np.mean(frozen):.0f} s.")
    leave_one_out(console, figures, data)


def by_row(lines):
    """Returns the results by row, then by data set."""
    figures = defaultdict(lambda: defaultdict(list))
    for line in lines:
        figures[line["row"]][line["data"]].append(line)
    return figures


def spread(values):
    """Mean ± deviation in %, of what there is."""
    if not values:
        return ""
    mean = f"{100 * np.mean(values):.1f}"
    return f"{mean} ± {100 * np.std(values, ddof=1):.1f}" if len(values) > 1 else f"{mean} −"


def leave_one_out(console, figures, data):
    """Prints what choosing by the other data sets loses, on the seeds that all ways have."""
    rows = [
        row for row, cells in figures.items() if row != FEATURES and all(cells[d] for d in data)
    ]
    if len(data) < 2 or len(rows) < 2:
        return
    seeds = set.intersection(
        *({line["seed"] for line in figures[row][name]} for row in rows for name in data)
    )
    means = np.array([[_mean(figures[row][name], seeds) for name in data] for row in rows])
    table = Table("data set", "chosen by the others", "it has", "best", "worst", "regret")
    for index, name in enumerate(data):
        chosen = int(np.delete(means, index, axis=1).mean(axis=1).argmax())
        found, best = means[chosen, index], means[:, index].max()
        cells = (found, best, means[:, index].min(), best - found)
        table.add_row(name, rows[chosen], *(f"{100 * each:.1f}" for each in cells))
    console.print(table)


def _mean(lines, seeds):
    return np.mean([line["balanced_accuracy"] for line in lines if line["seed"] in seeds])


if __name__ == "__main__":
    main()
