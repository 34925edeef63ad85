"""The splits and the search for duplicates of benchmarks/real, on made pictures."""

import sys
from pathlib import Path

import numpy as np
import pytest
from backends import once
from PIL import Image

FOLDER = Path(__file__).parents[2] / "benchmarks" / "real"
pytestmark = once


@pytest.fixture
def real(monkeypatch):
    """Imports a module of the folder by name, and forgets it afterwards."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for path in FOLDER.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    yield lambda name: __import__(name)
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.mark.parametrize("count", range(3, 12))
def test_every_class_is_in_every_part(real, count):
    labels = np.repeat([0, 1, 2], [40, count, 7])
    parts = real("datasets").split(labels, seed=count)
    assert [len(set(labels[part])) for part in parts] == [3, 3, 3]
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))


def test_a_class_too_small_for_the_parts_is_an_error(real):
    with pytest.raises(ValueError, match="Class 1 has 2 examples"):
        real("datasets").split(np.array([0, 0, 0, 1, 1]), seed=0)


def test_seeds_split_differently_and_repeatably(real):
    labels = np.repeat([0, 1], 20)
    first, again, other = (real("datasets").split(labels, seed)[0] for seed in (0, 0, 1))
    assert (first == again).all()
    assert set(first) != set(other)


def test_duplicates_are_found_when_mirrored_and_resized(real):
    noise = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 3), dtype="uint8")
    first, other = (Image.fromarray(each).resize((120, 120)) for each in noise)
    mirrored = first.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((90, 90))
    assert real("duplicates").first_of_each([first, other, mirrored]) == [0, 1]


def test_contours_lie_on_both_sides_of_the_edge(real):
    mask = np.zeros((1, 8, 8), "uint8")
    mask[:, 2:6, 2:6] = 1
    edges = real("masks").contours(mask)[0]
    assert edges[3:5, 3:5].sum() == 0
    assert edges[3, [1, 2, 5, 6]].all()
