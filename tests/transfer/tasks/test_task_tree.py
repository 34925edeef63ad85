"""The tree is SciPy's over ranks counted by hand; on Taskonomy's data it is the paper's."""

import numpy as np
import pytest
from backends import once
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist
from transfer.tasks.taskonomy import GROUP_3D, SEMANTIC, read_affinity

from kerasnorm.transfer import task_tree
from kerasnorm.transfer.tasks._task_tree import METHODS

pytestmark = once

NAMES = list("abcdefg")
each_file = pytest.mark.parametrize("name", ["affinities_16k", "affinities_1k"])


def random_tree(method="ward", seed=0):
    affinity = np.random.default_rng(seed).uniform(size=(7, 5))
    return affinity, task_tree(affinity, NAMES, range(5), method)


def counted_ranks(affinity):
    """How many each source beats within a target, and half of those that it equals."""
    beaten = (affinity[:, None] > affinity[None]).sum(axis=1)
    equal = (affinity[:, None] == affinity[None]).sum(axis=1)
    return beaten + (equal + 1) / 2


@pytest.mark.parametrize("method", METHODS)
def test_linkage_is_of_ranks_within_targets(method):
    affinity, tree = random_tree(method)
    affinity[2, 1] = affinity[4, 1]
    tree = task_tree(affinity, NAMES, range(5), method)
    distances = pdist(counted_ranks(affinity))
    np.testing.assert_allclose(tree.linkage, linkage(distances, method))


def test_only_the_order_within_a_target_counts():
    affinity, tree = random_tree()
    scaled = np.exp(affinity * [1, 2, 3, 4, 5]) * 1e-6
    np.testing.assert_array_equal(task_tree(scaled, NAMES, range(5)).linkage, tree.linkage)
    swapped = task_tree(-affinity, NAMES, range(5))
    assert swapped.groups(3) == tree.groups(3)


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_those_of_scipy(seed):
    _, tree = random_tree(seed=seed)
    for k in range(1, 8):
        flat = fcluster(tree.linkage, k, "maxclust")  # fewer than k where distances tie
        expected = {frozenset(np.array(NAMES)[flat == label]) for label in np.unique(flat)}
        assert len(expected) < k or set(map(frozenset, tree.groups(k))) == expected


@pytest.mark.parametrize("method", METHODS)
def test_there_are_exactly_k_groups_of_equal_distances_too(method):
    tree = task_tree(np.eye(6), list("abcdef"), range(6), method)
    for k in range(1, 7):
        groups = tree.groups(k)
        assert len(groups) == k and sorted(n for group in groups for n in group) == list("abcdef")


def test_groups_lie_side_by_side_in_the_tree():
    _, tree = random_tree()
    names = [tree.sources[index] for index in tree.order]
    for k in range(1, 8):
        groups = tree.groups(k)
        assert [next(i for i, g in enumerate(groups) if n in g) for n in names] == sorted(
            next(i for i, g in enumerate(groups) if n in g) for n in names
        )
    assert [line.split("─")[-1] for line in str(tree).splitlines()] == names


def test_the_pictures_have_the_names_in_the_same_order():
    affinity, tree = random_tree()
    names = [tree.sources[index] for index in tree.order]
    ax = tree.plot()
    heights = {label.get_text(): label.get_position()[1] for label in ax.get_yticklabels()}
    assert sorted(heights, key=heights.get) == names and ax.yaxis_inverted()
    ax = tree.plot_affinity()
    assert [label.get_text() for label in ax.get_yticklabels()] == names
    np.testing.assert_array_equal(
        ax.images[0].get_array(), counted_ranks(affinity)[[NAMES.index(name) for name in names]]
    )
    assert tree.plot(ax) is ax


@each_file
def test_taskonomy_has_the_groups_of_the_paper(name):
    groups = task_tree(*read_affinity(name)).groups(4)
    assert GROUP_3D in groups and SEMANTIC in groups


@each_file
def test_keypoints_in_3d_and_depth_sit_together(name):
    """They are still in one group when the 3-D tasks stand apart from all others."""
    tree = task_tree(*read_affinity(name))
    for k in range(2, 5):
        (group,) = (group for group in tree.groups(k) if "keypoint3d" in group)
        assert "rgb2depth" in group and group <= GROUP_3D


X = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, "abc", "xy", "Ward"), "one of 'ward', 'average'"),
        ((X.T, "abc", "xy"), r"shape \(2, 3\) for 3 sources and 2 targets"),
        ((X, ["a", "b"], ["x", "y"]), r"shape \(3, 2\) for 2 sources"),
        ((X[:1], ["a"], ["x", "y"]), "at least two sources"),
        ((X, ["a", "b", "a"], ["x", "y"]), "Received twice: 'a'"),
        ((np.where(X == 3, np.nan, X), "abc", "xy"), "finite"),
    ],
    ids=["method", "turned", "names", "one source", "repeated", "not a number"],
)
def test_wrong_arguments_are_refused(arguments, message):
    affinity, sources, targets, *method = arguments
    with pytest.raises(ValueError, match=message):
        task_tree(affinity, list(sources), list(targets), *method)


@pytest.mark.parametrize("k", [0, 8, 2.0, True])
def test_wrong_number_of_groups(k):
    _, tree = random_tree()
    with pytest.raises(ValueError, match="`k` should be"):
        tree.groups(k)
