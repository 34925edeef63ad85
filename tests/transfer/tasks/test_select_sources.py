"""Selections are the best of all there are."""

from itertools import combinations

import numpy as np
import pytest
from backends import once
from transfer.tasks.taskonomy import read_edges

from kerasnorm.transfer import select_sources

pytestmark = once

SOURCES, TARGETS = list("abcdefg"), ["s", "t", "u", "v"]


def best_value(edges, budget, costs=None, importance=None):
    """The value of the best subset of the sources, by trying every one that can be afforded."""
    costs, importance = costs or {}, importance or {}
    sources = sorted({name for names, _, _ in edges for name in names})
    bits = {name: 1 << index for index, name in enumerate(sources)}
    edges = sorted(edges, key=lambda edge: edge[1])
    needs = np.array([sum(bits[name] for name in set(names)) for names, _, _ in edges])
    gains = np.array([importance.get(target, 1) * p for _, target, p in edges]).clip(0)
    _, starts = np.unique([target for _, target, _ in edges], return_index=True)
    best = 0
    for size in range(len(sources) + 1 if costs else budget + 1):
        for chosen in combinations(sources, size):
            if sum(costs.get(name, 1) for name in chosen) <= budget + 1e-9:
                there = needs & ~sum(bits[name] for name in chosen) == 0
                best = max(best, np.maximum.reduceat(gains * there, starts).sum())
    return best


def random_edges(seed):
    rng = np.random.default_rng(seed)
    orders = [names for size in (1, 2, 3) for names in combinations(SOURCES, size)]
    kept = [orders[i] for i in rng.choice(len(orders), 30, replace=False)]
    return [(names, target, rng.normal(0.3, 0.3)) for names in kept for target in TARGETS]


def check(edges, budget, costs=None, importance=None):
    """The selection is as good as it says, keeps to the rules, and no other is better."""
    found = select_sources(edges, budget, costs, importance)
    targets = [target for _, target, _ in found.edges]
    assert len(set(targets)) == len(targets)
    assert set(found.edges) <= set(edges)
    assert set(found.sources) == {name for names, _, _ in found.edges for name in names}
    assert sum((costs or {}).get(name, 1) for name in found.sources) <= budget + 1e-9
    weights = [(importance or {}).get(target, 1) for target in targets]
    value = sum(w * p for w, (_, _, p) in zip(weights, found.edges, strict=True))
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.value == pytest.approx(best_value(edges, budget, costs, importance), rel=1e-9)


@pytest.mark.parametrize("budget", [1, 2, 3])
@pytest.mark.parametrize("name", ["affinities_16k", "affinities_1k"])
def test_equals_brute_force_on_taskonomy(name, budget):
    check(read_edges(name), budget)


@pytest.mark.parametrize("seed", range(6))
def test_equals_brute_force_with_costs_and_importance(seed):
    rng = np.random.default_rng(100 + seed)
    costs = dict(zip(SOURCES[1:], rng.choice([0, 0.1, 0.5, 2.5], 6).tolist(), strict=True))
    importance = dict(zip(TARGETS[1:], [0, 5, 0.01], strict=True))
    for budget in (1, 2.6):
        check(random_edges(seed), budget, costs, importance)


@pytest.mark.parametrize("unit", [1e-9, 1, 1e9])
def test_values_that_differ_in_the_eighth_digit(unit):
    """The solver's own tolerances would take the first."""
    gains = [1, 1 + 1e-8, 1 - 1e-8, 1]
    edges = [((name,), "t", gain * unit) for name, gain in zip("abcd", gains, strict=True)]
    edges += [((name,), "u", unit) for name in "abcd"]
    assert select_sources(edges, 1).sources == ["b"]


@pytest.mark.parametrize("unit", [1e-6, 1, 1e6])
def test_costs_that_just_fit(unit):
    edges = [((name,), target, 1.0) for name, target in zip("abc", "xyz", strict=True)]
    costs = dict.fromkeys("abc", 0.1 * unit)
    assert len(select_sources(edges, 0.3 * unit, costs).edges) == 3
    assert len(select_sources(edges, (0.3 - 1e-8) * unit, costs).edges) == 2
    assert select_sources([(("a", "b", "c"), "x", 1.0)], 0.3 * unit, costs).value == 1


def test_a_source_beyond_the_budget_does_not_spoil_the_others():
    edges = [(("gold",), "t", 9.0), (("tin",), "t", 1.0)]
    assert select_sources(edges, 1, {"gold": 1e12}).sources == ["tin"]


def test_what_is_not_used_is_not_supervised():
    assert select_sources([(("a",), "t", 1.0), (("b",), "t", 0.5)], 5).sources == ["a"]


def test_learning_from_scratch_costs_nothing():
    edges = [((), "t", 0.5), (("a",), "t", 0.7), ((), "u", 0.5), (("a",), "u", 0.4)]
    assert select_sources(edges, 0) == ([], [((), "t", 0.5), ((), "u", 0.5)], 1.0)
    assert select_sources(edges, 1).edges == [(("a",), "t", 0.7), ((), "u", 0.5)]


def test_what_adds_nothing_is_left_out():
    edges = [(("a",), "t", -1.0), (("a",), "u", 0.0)]
    assert select_sources(edges, 1) == ([], [], 0.0)


def test_sources_may_be_lists_and_named_twice():
    assert select_sources([(["a", "a"], "t", 1.0)], 1).edges == [(("a",), "t", 1.0)]


def test_an_infeasible_budget_names_the_cheapest_feasible_one():
    edges = [(("a", "b"), "t", 1.0), (("c",), "t", 0.1)]
    with pytest.raises(ValueError, match=r"budget=1, and the cheapest .* is 1.5, for 'a', 'b'"):
        select_sources(edges, 1, {"a": 1.25, "b": 0.25, "c": 3})
    assert select_sources(edges, 1.5, {"a": 1.25, "b": 0.25, "c": 3}).sources == ["a", "b"]


EDGES = [(("a",), "t", 1.0)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"edges": []}, "at least one transfer"),
        ({"edges": [("ab", "t", 1.0)]}, r"Received: \('ab', 't', 1.0\)"),
        ({"edges": [(("a",), "t")]}, "such as"),
        ({"edges": [((1,), "t", 1.0)]}, "such as"),
        ({"edges": [(("a",), "t", np.nan)]}, "performance"),
        ({"budget": -1}, "`budget` should be a number"),
        ({"budget": np.nan}, "`budget` should be a number"),
        ({"costs": {"b": 1}}, "Received: 'b'. There are 'a'"),
        ({"costs": {"a": -1}}, r"costs\['a'\]"),
        ({"importance": {"a": 1}}, "Received: 'a'. There are 't'"),
        ({"importance": {"t": np.inf}}, r"importance\['t'\]"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        select_sources(**{"edges": EDGES, "budget": 1, **arguments})
