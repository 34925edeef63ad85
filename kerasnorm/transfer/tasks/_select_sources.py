"""Selects which tasks to supervise within a budget."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from kerasnorm._table import aligned
from kerasnorm._validation import as_number, listed, require

Edge = tuple[tuple[str, ...], str, float]

# The solver is content within 1e-6 of the best value and of the budget, whatever their unit; in
# these units that is a 1e-10th.
_UNIT = 1e4
_ROUNDING = 1e-9  # three times 0.1 is within a budget of 0.3


class Selection(NamedTuple):
    """Tasks to supervise, and the source that each target is learned from, for `print`.

    Attributes:
        sources: The tasks to supervise, in alphabetical order.
        edges: The chosen transfers, at most one per target: (sources, target, performance).
        value: Σ importance · performance of the chosen transfers.

    Example:

    >>> print(Selection(["edges"], [(("edges",), "depth", 0.6)], 0.6))
    target  learned from  performance
    depth   edges                 0.6
    supervise edges: value 0.6

    See also:
        `select_sources`, which returns it.
    """

    sources: list[str]
    edges: list[Edge]
    value: float

    def __str__(self) -> str:
        rows = [(target, " + ".join(names), f"{p:.4g}") for names, target, p in self.edges]
        table = aligned([("target", "learned from", "performance"), *rows], left=2)
        return f"{table}\nsupervise {', '.join(self.sources)}: value {self.value:.4g}"


def select_sources(
    edges: Iterable[tuple[Iterable[str], str, float]],
    budget: float,
    costs: Mapping[str, float] | None = None,
    importance: Mapping[str, float] | None = None,
) -> Selection:
    """Selects the tasks to supervise, and the sources of each target, with the greatest value.

    A Boolean integer programme, solved exactly:

        maximise  Σ importance · performance of the chosen transfers
        such that a transfer's sources are all supervised, the supervised sources cost no more than
                  the budget, and a target is learned by at most one transfer.

    A target is left out if nothing that can be afforded adds to the value.

    Args:
        edges: Possible transfers: (sources, target, performance). Several sources make a transfer
            of higher order; none, `()`, is learning from scratch, which costs nothing. Larger
            performance is better, and what is not positive is never chosen: give gains, or
            affinities, not losses.
        budget: Number ≥ 0, the most that the supervised sources may cost.
        costs: A number ≥ 0 for sources; the others cost 1. Defaults to None.
        importance: A number ≥ 0 for targets; the others weigh 1. Defaults to None.

    Returns:
        A `Selection`.

    Raises:
        ValueError: If no transfer is within the budget, with the cheapest one that is; if edges,
            costs or importance are no such things.
        ImportError: If SciPy is missing.

    Example:

    >>> edges = [
    ...     (("normals",), "depth", 0.6),
    ...     (("edges",), "depth", 0.2),
    ...     (("edges",), "corners", 0.5),
    ...     (("edges", "normals"), "corners", 0.7),
    ... ]
    >>> print(select_sources(edges, budget=1))
    target   learned from  performance
    depth    edges                 0.2
    corners  edges                 0.5
    supervise edges: value 0.7
    >>> select_sources(edges, budget=2).edges
    [(('normals',), 'depth', 0.6), (('edges', 'normals'), 'corners', 0.7)]

    See also:
        `task_tree`; `TaskAffinity`.

    Reference:
        Zamir et al., 2018, Taskonomy: disentangling task transfer learning,
        https://arxiv.org/abs/1804.08328
    """
    require("scipy")
    edges = [_read_edge(edge) for edge in edges]
    if not edges:
        raise ValueError("`edges` should hold at least one transfer. Received: none.")
    sources = sorted({name for names, _, _ in edges for name in names})
    targets = list(dict.fromkeys(target for _, target, _ in edges))
    budget = as_number("budget", budget, 0)
    cost = _read_weights("costs", costs, sources)
    weight = _read_weights("importance", importance, targets)
    _check_affordable(edges, budget, cost)

    useful = [edge for edge in edges if weight[edge[1]] * edge[2] > 0]
    supervised = _solve(useful, sources, budget, cost, weight) if useful else set()
    chosen = []
    for target in targets:
        open_to = [e for e in useful if e[1] == target and supervised.issuperset(e[0])]
        if open_to:
            chosen.append(max(open_to, key=lambda edge: edge[2]))
    used = sorted({name for names, _, _ in chosen for name in names})
    return Selection(used, chosen, math.fsum(weight[target] * p for _, target, p in chosen))


def _solve(
    edges: list[Edge],
    sources: list[str],
    budget: float,
    cost: dict[str, float],
    weight: dict[str, float],
) -> set[str]:
    """Returns the sources to supervise: of the variables, the first S are sources, then edges."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    values = np.array([weight[target] * performance for _, target, performance in edges])
    prices = np.array([cost[name] for name in sources])
    count = len(sources) + len(edges)
    # one row each target: one edge; one row each source and target: no edge without the source
    cells, rows = [], {}
    for column, (names, target, _) in enumerate(edges, start=len(sources)):
        for key in [(None, target), *((name, target) for name in names)]:
            cells.append((rows.setdefault(key, len(rows)), column, 1))
    cells += [(row, sources.index(n), -1) for (n, _), row in rows.items() if n is not None]
    row, column, entry = zip(*cells, strict=True)
    matrix = csr_array((entry, (row, column)), shape=(len(rows), count))
    limits = np.array([1 if name is None else 0 for name, _ in rows])

    most = np.ones(count)
    most[: len(sources)] = affordable = prices <= budget
    shares = _UNIT * np.where(affordable, prices, 0) / (budget or 1)
    spent = np.concatenate([shares, np.zeros(len(edges))])
    solution = milp(
        np.concatenate([np.zeros(len(sources)), -_UNIT / values.max() * values]),
        integrality=np.ones(count),
        bounds=Bounds(0, most),
        constraints=[
            LinearConstraint(matrix, ub=limits),
            LinearConstraint(spent[None], ub=_UNIT * (1 + _ROUNDING)),
        ],
        options={"mip_rel_gap": 0},
    )
    if not solution.success:
        raise RuntimeError(f"SciPy's milp found no best selection: {solution.message}")
    return {name for name, on in zip(sources, solution.x, strict=False) if on > 0.5}


def _read_edge(edge: Any) -> Edge:
    try:
        names, target, performance = edge
    except (TypeError, ValueError):
        names = target = performance = None
    valid = isinstance(target, str) and not isinstance(names, str) and isinstance(names, Iterable)
    names = tuple(dict.fromkeys(names)) if valid else ()
    if not valid or not all(isinstance(name, str) for name in names):
        raise ValueError(
            "`edges` should hold transfers (sources, target, performance), such as "
            f"(('edges', 'normals'), 'depth', 0.7). Received: {edge!r}."
        )
    performance = as_number("performance", performance, -math.inf, math.inf, interval="()")
    return names, target, performance


def _read_weights(
    argument: str, given: Mapping[str, float] | None, names: list[str]
) -> dict[str, float]:
    unknown = sorted(set(given or ()).difference(names))
    if unknown:
        raise ValueError(
            f"`{argument}` should be of names in `edges`. Received: {listed(unknown)}. There are "
            f"{listed(names)}."
        )
    values = {**dict.fromkeys(names, 1), **(given or {})}
    return {name: as_number(f"{argument}[{name!r}]", value, 0) for name, value in values.items()}


def _check_affordable(edges: list[Edge], budget: float, cost: dict[str, float]) -> None:
    totals = [math.fsum(cost[name] for name in names) for names, _, _ in edges]
    least = int(np.argmin(totals))
    if totals[least] > budget * (1 + _ROUNDING):
        raise ValueError(
            f"`budget` should be enough for one transfer. Received: budget={budget:g}, and the "
            f"cheapest feasible one is {totals[least]:g}, for {listed(edges[least][0])}."
        )
