"""Holds measured affinities between tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from kerasnorm._table import aligned
from kerasnorm._validation import require
from kerasnorm.transfer.tasks._affinity_from_wins import affinity_from_wins
from kerasnorm.transfer.tasks._select_sources import Selection, select_sources
from kerasnorm.transfer.tasks._task_tree import TaskTree, task_tree
from kerasnorm.transfer.tasks._win_rates import win_rates


@dataclass(frozen=True)
class Affinities:
    """Affinities of R transfers to T tasks, and the measurements behind them, for `print`.

    Attributes:
        transfers: R tuples of the names of encoders; the first S are of one encoder each.
        targets: The names of the T tasks.
        losses: `(R, T)` mean loss on the held-out examples.
        wins: `(T, R, R)` win rates on the held-out examples, of each target.
        affinity: `(R, T)`, each column of sum 1.
        estimates: Scores `(S, T)` without training: "cka" and "logme", NaN where it does not apply.

    Example:

    >>> losses = {"depth": np.array([[0.1, 0.3], [0.2, 0.4]]), "class": np.array([[2, 3], [1, 1]])}
    >>> affinities = Affinities.of_losses([("edges",), ("normals",)], losses, estimates={})
    >>> print(affinities)
    target  best source  affinity
    depth   edges           0.999
    class   normals         0.999
    >>> affinities.sources
    ['edges', 'normals']

    See also:
        `TaskAffinity`, which measures them; `affinity_from_wins`.
    """

    transfers: list[tuple[str, ...]]
    targets: list[str]
    losses: np.ndarray = field(repr=False)
    wins: np.ndarray = field(repr=False)
    affinity: np.ndarray = field(repr=False)
    estimates: dict[str, np.ndarray] = field(repr=False)

    @classmethod
    def of_losses(
        cls,
        transfers: list[tuple[str, ...]],
        losses: Mapping[str, np.ndarray],
        estimates: dict[str, np.ndarray],
    ) -> "Affinities":
        """Returns the affinities of transfers by their losses (R, N) on each target's examples."""
        wins = np.stack([win_rates(rows) for rows in losses.values()])
        return cls(
            transfers=transfers,
            targets=list(losses),
            losses=np.stack([rows.mean(axis=1) for rows in losses.values()], axis=1),
            wins=wins,
            affinity=np.stack([affinity_from_wins(rates) for rates in wins], axis=1),
            estimates=estimates,
        )

    @property
    def sources(self) -> list[str]:
        """The names of the S encoders."""
        return [names[0] for names in self.transfers if len(names) == 1]

    def tree(self, method: str = "ward") -> TaskTree:
        """Returns the tree of the encoders, of transfers from one each: see `task_tree`."""
        first = self.affinity[: len(self.sources)]
        return task_tree(first, self.sources, self.targets, method)

    def select(
        self,
        budget: float,
        costs: Mapping[str, float] | None = None,
        importance: Mapping[str, float] | None = None,
    ) -> Selection:
        """Returns the tasks to supervise, of all transfers: see `select_sources`."""
        edges = [
            (names, target, self.affinity[r, t])
            for r, names in enumerate(self.transfers)
            for t, target in enumerate(self.targets)
        ]
        return select_sources(edges, budget, costs, importance)

    def rank_correlation(self) -> dict[str, np.ndarray]:
        """Returns Kendall's τ of each estimate and the affinities, over the encoders.

        Returns:
            `(T,)` numbers in [-1, 1] for each name in `estimates`: 1 where the estimate puts the
            encoders into the order that training does; NaN where it does not apply.
        """
        require("scipy")
        from scipy.stats import kendalltau

        return {
            name: np.array(
                [
                    kendalltau(scores[:, t], self.affinity[: len(scores), t]).statistic
                    for t in range(len(self.targets))
                ]
            )
            for name, scores in self.estimates.items()
        }

    def __str__(self) -> str:
        found = self.rank_correlation()
        lines = [("target", "best source", "affinity", *(f"τ of {name}" for name in found))]
        for t, target in enumerate(self.targets):
            best = int(self.affinity[:, t].argmax())
            taus = [f"{taus[t]:.2f}" if np.isfinite(taus[t]) else "-" for taus in found.values()]
            names = " + ".join(self.transfers[best])
            lines.append((target, names, f"{self.affinity[best, t]:.3f}", *taus))
        return aligned(lines, left=2)
