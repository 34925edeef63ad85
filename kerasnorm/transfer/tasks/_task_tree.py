"""Groups tasks by what their representations are good for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasnorm._table import plot_name
from kerasnorm._validation import as_int, check_choice, listed, require
from kerasnorm.data import to_numpy

METHODS = ("ward", "average", "complete", "single", "weighted", "centroid", "median")


@dataclass(frozen=True)
class TaskTree:
    """Tree of tasks, for `print`: the sooner two branches join, the more similar they are.

    Attributes:
        sources: The names of the tasks, the leaves.
        targets: The names of the tasks that they were transferred to.
        affinity: `(S, T)` float64, as it was given.
        linkage: `(S - 1, 4)` float64, the merges in SciPy's format.

    Example:

    >>> affinity = [[4, 1], [1, 4], [3, 2]]
    >>> print(task_tree(affinity, ["edges", "class", "lines"], ["corners", "digit"]))
    ┬─class
    └─┬─edges
      └─lines

    See also:
        `task_tree`, which returns it.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    affinity: np.ndarray = field(repr=False)
    linkage: np.ndarray = field(repr=False)

    def groups(self, k: int) -> list[set[str]]:
        """Returns the tree cut into k groups, neighbours in the tree side by side.

        Raises:
            ValueError: If k is not an int from 1 to the number of sources.
        """
        count = len(self.sources)
        if as_int("k", k, low=1) > count:
            raise ValueError(f"`k` should be at most the number of sources, {count}. Received: {k}")
        clusters = {index: {index} for index in range(count)}
        for step, (left, right) in enumerate(self.linkage[: count - k, :2].astype(int)):
            clusters[count + step] = clusters.pop(left) | clusters.pop(right)
        order = self.order
        firsts = sorted(clusters.values(), key=lambda cluster: min(map(order.index, cluster)))
        return [{self.sources[index] for index in cluster} for cluster in firsts]

    @property
    def order(self) -> list[int]:
        """The indices of the sources, top to bottom."""
        from scipy.cluster.hierarchy import leaves_list

        return leaves_list(self.linkage).tolist()

    def __str__(self) -> str:
        drawn = [[str(name)] for name in self.sources]
        for left, right in self.linkage[:, :2].astype(int):
            first, *others = drawn[left]
            last, *below = drawn[right]
            lines = ["┬─" + first, *("│ " + line for line in others)]
            drawn.append([*lines, "└─" + last, *("  " + line for line in below)])
        return "\n".join(drawn[-1])

    def plot(self, ax: Any = None) -> Any:
        """Draws the tree, the distance of each merge to the right, and returns the matplotlib axes.

        Args:
            ax: Matplotlib axes; None: those of a new figure.
        """
        from scipy.cluster.hierarchy import dendrogram

        ax = _axes(ax, (6, 1 + len(self.sources) / 4))
        style = {"color_threshold": 0, "above_threshold_color": "C0", "leaf_font_size": 10}
        names = [*map(plot_name, self.sources)]
        dendrogram(self.linkage, labels=names, orientation="right", ax=ax, **style)
        ax.invert_yaxis()  # top to bottom, as in the text
        ax.set_xlim(left=0)
        ax.set(xlabel="distance of the merged branches")
        ax.spines[["top", "left", "right"]].set_visible(False)
        return ax

    def plot_affinity(self, ax: Any = None) -> Any:
        """Draws the affinities as a heat map, and returns the matplotlib axes.

        Rows are the sources in the tree's order. The colour is the rank within each target, from
        the worst source to the best: affinities of one target are spread over decades.

        Args:
            ax: Matplotlib axes; None: those of a new figure.
        """
        ax = _axes(ax, (2.5 + len(self.targets) / 4, 2 + len(self.sources) / 4))
        names = [plot_name(self.sources[index]) for index in self.order]
        image = ax.imshow(_ranks(self.affinity)[self.order], aspect="auto", cmap="viridis")
        ax.set_yticks(range(len(names)), names)
        ax.set_xticks(range(len(self.targets)), self.targets, rotation=90)
        ax.set(xlabel="target", ylabel="source")
        ax.figure.colorbar(image, ax=ax, label="rank of the source (higher is better)")
        return ax


def task_tree(
    affinity: Any, sources: Iterable[str], targets: Iterable[str], method: str = "ward"
) -> TaskTree:
    """Clusters tasks whose representations are good for the same targets.

    Sources are clustered by their rank within each target: two tasks are alike if they do well,
    and badly, on the same targets. Ranks, since affinities of one target are spread over decades.

    Args:
        affinity: `(S, T)` finite numbers: how well source s serves target t. Larger is better; only
            the order within a target counts.
        sources: S names, at least two.
        targets: T names.
        method: Linkage of SciPy: "ward", "average", "complete", "single", "weighted", "centroid" or
            "median". Defaults to "ward".

    Returns:
        A `TaskTree`.

    Raises:
        ValueError: If shapes or names do not fit, or values are not finite.
        ImportError: If SciPy is missing.

    Example:

    >>> affinity = [[0.5, 0.1, 0.2], [0.4, 0.2, 0.1], [0.1, 0.7, 0.7]]
    >>> tree = task_tree(affinity, ["depth", "normals", "class"], ["shade", "scene", "object"])
    >>> [sorted(group) for group in tree.groups(2)]
    [['class'], ['depth', 'normals']]

    See also:
        `affinity_from_wins`, its input; `select_sources`.

    Reference:
        Zamir et al., 2018, Taskonomy: disentangling task transfer learning,
        https://arxiv.org/abs/1804.08328
    """
    check_choice("method", method, METHODS)
    require("scipy")
    sources, targets = _read_names("sources", sources), _read_names("targets", targets)
    values = to_numpy(affinity, "affinity")
    if values.shape != (len(sources), len(targets)) or len(sources) < 2:
        raise ValueError(
            "`affinity` should have a row for each of at least two sources, and a column for each "
            f"target. Received: shape {values.shape} for {len(sources)} sources and "
            f"{len(targets)} targets."
        )
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        raise ValueError(
            "`affinity` should hold finite numbers. Received: dtype "
            f"{values.dtype}, or NaN or infinity. Leave out sources that were not measured."
        )
    from scipy.cluster.hierarchy import linkage

    values = values.astype(np.float64)
    return TaskTree(sources, targets, values, linkage(_ranks(values), method))


def _ranks(affinity: np.ndarray) -> np.ndarray:
    """Returns the rank of each source within each target, 1 the worst; equal ones share theirs."""
    from scipy.stats import rankdata

    return rankdata(affinity, axis=0)


def _read_names(argument: str, names: Iterable[str]) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else tuple(names)
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(
            f"`{argument}` should be different names. Received twice: {listed(repeated)}."
        )
    return names


def _axes(ax: Any, size: tuple[float, float]) -> Any:
    require("matplotlib")
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(size, layout="constrained").subplots()
    return ax
