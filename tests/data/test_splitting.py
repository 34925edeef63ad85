"""Which images are for training, validation and test."""

import itertools

import numpy as np
import pytest
from backends import once

from kerasnorm.data.splitting import across, describe_equal, fold, split
from kerasnorm.imbalance import ImageFiles

pytestmark = once

LABELS = np.repeat([0, 1, 2], [40, 20, 10])


def files(labels=LABELS, **columns):
    return ImageFiles([f"{i}.png" for i in range(len(labels))], labels, "abc", 8, **columns)


def rows(parts):
    return [[int(path[:-4]) for path in part.paths] for part in parts if part is not None]


def check_all_there(parts, labels=LABELS):
    found = rows(parts)
    assert sorted(itertools.chain(*found)) == list(range(len(labels)))
    assert all(set(part.labels) == {0, 1, 2} for part in parts)
    return found


def test_shares_of_each_class():
    parts = split(files(), 0.1, 0.2, seed=0)
    check_all_there(parts)
    assert [np.bincount(part.labels).tolist() for part in parts] == [
        [28, 14, 7],
        [4, 2, 1],
        [8, 4, 2],
    ]
    assert rows(split(files(), None, None, seed=0)) == rows(parts)
    assert rows(split(files(), 0.1, 0.2, seed=1)) != rows(parts)
    assert split(files(), 0.1, 0, seed=0)[2] is None


def test_equal_files_are_in_one_part():
    equal = [[0, 1, 2], [5, 45], [50, 65, 66]]
    for seed in range(20):
        for part in check_all_there(split(files(), 0.1, 0.2, seed, equal)):
            for same in equal:
                assert len(set(same) & set(part)) in (0, len(same))


@pytest.mark.parametrize("seed", range(3))
def test_groups_stay_together_and_classes_are_spread(seed):
    rng = np.random.default_rng(seed)
    groups = np.array([f"{label}-{rng.integers(8)}" for label in LABELS])
    parts = split(files(groups=groups), 0.1, 0.2, seed, equal=[[0, 41]])
    found = check_all_there(parts)
    for one in range(3):
        for other in range(one):
            assert not set(groups[found[one]]) & set(groups[found[other]])
    assert 5 <= parts[1].size <= 20 and 8 <= parts[2].size <= 25
    assert any({0, 41} <= set(part) for part in found)


def test_parts_of_their_own_are_the_split():
    own = np.resize(["train", "train", "train", "validation", "test"], 70)
    expected = [np.flatnonzero(own == name).tolist() for name in ("train", "validation", "test")]
    assert rows(split(files(parts=own), None, None, seed=0)) == expected
    no_validation = np.where(own == "validation", "train", own)
    train, validation, test = split(files(parts=no_validation), None, None, seed=0)
    assert rows([test]) == [expected[2]] and validation.size == 6 and train.size == 50
    no_test = np.where(own == "test", "train", own)
    train, validation, test = split(files(parts=no_test), None, None, seed=0)
    assert rows([validation]) == [expected[1]] and test is None and train.size == 56
    assert split(files(parts=no_test), None, 0.2, seed=0)[2].size == 11


def test_folds():
    """Each image is in the test once, each class in each test."""
    dealt = [fold(files(), 5, index, None, seed=3) for index in range(5)]
    tests = rows(test for _, _, test in dealt)
    assert sorted(itertools.chain(*tests)) == list(range(70))
    for parts in dealt:
        check_all_there(parts)
        assert np.bincount(parts[2].labels).tolist() == [8, 4, 2]


def test_folds_of_groups():
    groups = [f"{label}-{index % 6}" for index, label in enumerate(LABELS)]
    dealt = [fold(files(groups=groups), 3, index, 0.1, seed=0) for index in range(3)]
    assert sorted(itertools.chain(*rows(test for *_, test in dealt))) == list(range(70))
    for parts in dealt:
        names = [{groups[row] for row in part} for part in check_all_there(parts)]
        assert not (names[0] & names[1] or names[0] & names[2] or names[1] & names[2])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: split(files(np.repeat([0, 1, 2], [9, 9, 2])), 0.1, 0.2, 0), "'c' has too few"),
        (
            lambda: split(files(groups=[str(x) for x in LABELS]), 0.1, 0.2, 0),
            "too few groups, 1: 3",
        ),
        (lambda: fold(files(), 11, 0, 0.1, 0), "'c' has too few images, 10: 11 are needed"),
        (lambda: fold(files(parts=["train"] * 70), 5, 0, 0.1, 0), "leave out --folds"),
        (
            lambda: split(files(parts=np.resize(["train", "test"], 70)), None, 0.2, 0),
            "leave out --test-split",
        ),
        (
            lambda: split(files(parts=np.where(LABELS == 2, "test", "train")), None, None, 0),
            "'c' has too few readable images, 0",
        ),
    ],
)
def test_what_cannot_be_split(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_equal_files_apart_are_said():
    found = files(parts=np.resize(["train", "test"], 70))
    equal = [[0, 2], [0, 1], [3, 69]]
    assert across(found, equal, found.labels) == [["3.png", "69.png"]]
    assert across(found, equal, found.parts) == [["0.png", "1.png"]]
    assert describe_equal([["a", "b"], ["c", "d"]], "parts").startswith("2 images are in different")
