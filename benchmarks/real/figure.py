"""Draws the README's picture from measure.py's results.

    python benchmarks/real/figure.py   # writes docs/photographs.png

Balanced accuracy of the test pictures in %, mean and standard deviation over the seeds.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from measure import HERE, read
from table import by_row

DATA = {
    "stamps": "objects\n17 classes",
    "food": "food\n13 classes",
    "gcompris": "scenes\n5 classes",
    "solar": "solar cells\n4 classes",
}
ROWS = {
    "trained head": ("Dense layer, trained for 10 epochs", "#c9ced6"),
    "logistic regression, balanced": ("scikit-learn, logistic regression", "#8fa8c8"),
    "solved head": ("kerasnorm, solved head", "#1f5fa8"),
}
TARGET = Path(__file__).parents[2] / "docs" / "photographs.png"


def main():
    figures = by_row(read(HERE / "results.jsonl"))
    figure, axes = plt.subplots(figsize=(7.2, 2.7), layout="constrained")
    places = np.arange(len(DATA))
    for index, (row, (label, colour)) in enumerate(ROWS.items()):
        values = [[100 * line["balanced_accuracy"] for line in figures[row][name]] for name in DATA]
        heights = [np.mean(each) for each in values]
        bars = axes.bar(
            places + 0.27 * (index - 1),
            heights,
            0.25,
            yerr=[np.std(each, ddof=1) for each in values],
            label=label,
            color=colour,
            error_kw={"ecolor": "#444444", "elinewidth": 1},
        )
        text = "white" if row == "solved head" else "#222222"
        numbers = [f"{height:.0f}" for height in heights]
        axes.bar_label(bars, numbers, label_type="center", fontsize=8, color=text)
    axes.set_xticks(places, DATA.values())
    axes.set_ylabel("balanced accuracy, %")
    axes.set_ylim(0, 100)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper center")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(TARGET, dpi=150)


if __name__ == "__main__":
    main()
