"""Taskonomy's published measurements, where they are at hand: `shared/` beside the repository."""

import csv
from pathlib import Path

import numpy as np
import pytest

BASELINES = {"self", "random", "pixels"}
GROUP_3D = {
    *("curvature", "edge3d", "keypoint3d", "reshade"),
    *("rgb2depth", "rgb2mist", "rgb2sfnorm", "segment25d"),
}
SEMANTIC = {"class_1000", "class_places", "class_selected", "segmentsemantic_rb"}


def folder():
    for parent in Path(__file__).resolve().parents:
        found = parent / "shared" / "data" / "taskonomy"
        if found.is_dir():
            return found
    pytest.skip("the published measurements of Taskonomy are not on this machine")


def read_edges(name):
    """Returns all transfers of a file between tasks: (sources, target, value)."""
    with open(folder() / f"{name}.csv", newline="") as file:
        rows = [
            (tuple(row["sources"].split("+")), row["target"], float(row["value"]))
            for row in csv.DictReader(file)
        ]
    return [row for row in rows if not BASELINES.intersection(row[0])]


def read_affinity(name):
    """Returns the affinities of transfers from one task (S, T), with the names of both."""
    edges = [edge for edge in read_edges(name) if len(edge[0]) == 1]
    values = {(source, target): value for (source,), target, value in edges}
    sources, targets = (sorted(set(column)) for column in zip(*values, strict=True))
    return np.array([[values[s, t] for t in targets] for s in sources]), sources, targets
