"""Reports a replacement, layer by layer."""

from dataclasses import dataclass, field
from typing import NamedTuple

import keras


@dataclass(frozen=True)
class Report:
    """Lists the normalization layers of a model as replaced, kept or refused.

    Attributes:
        replaced: Paths of the new layers, in order of computation.
        kept: Paths of layers that `where` did not select, or that already were as requested.
        refused: Paths of selected layers that stay, because the new normalization cannot replace
            them or their formula is unknown.
        reasons: The reason, for each path in `refused`.
        groups: The number of groups, for each path where it is not the one asked for (32 unless
            given), since that does not divide the channels or leaves one value per group.
        standardized: Convolutions whose kernels are standardized now.
        calibrated: Paths of layers whose γ and β were set from examples.
        not_calibrated: The reason, for each path of `replaced` where they could not be.

    Example:

    >>> report = Report(replaced=["stem/bn", "block/bn"])
    >>> report.refuse("pool/bn", "A group would have one value.")
    >>> print(report)
    2 normalization layers replaced, 0 kept, 1 refused
    refused: pool/bn: A group would have one value.

    See also:
        `replace_normalization`, which returns it.
    """

    replaced: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    standardized: list[str] = field(default_factory=list)
    calibrated: list[str] = field(default_factory=list)
    not_calibrated: dict[str, str] = field(default_factory=dict)

    def refuse(self, path: str, reason: object) -> None:
        """Records that the layer at a path stays, and why."""
        self.refused.append(path)
        self.reasons[path] = " ".join(str(reason).split())

    def __str__(self) -> str:
        lines = [
            f"{len(self.replaced)} normalization layers replaced, {len(self.kept)} kept, "
            f"{len(self.refused)} refused"
        ]
        if self.standardized:
            lines.append(f"{len(self.standardized)} convolutions standardized")
        if self.calibrated:
            lines.append(f"{len(self.calibrated)} layers calibrated")
        lines += [f"not calibrated: {path}: {why}" for path, why in self.not_calibrated.items()]
        lines += [f"refused: {path}: {self.reasons[path]}" for path in self.refused]
        lines += [f"{groups} groups: {path}" for path, groups in self.groups.items()]
        return "\n".join(lines)


class Replacement(NamedTuple):
    """Holds a new model and the report of its replacement.

    Attributes:
        model: The new keras.Model.
        report: A `Report` of what was replaced, kept and refused.

    Example:

    >>> from kerasnorm.surgery import replace_normalization
    >>> normalization = keras.layers.BatchNormalization(name="bn")
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), normalization])
    >>> new, report = replace_normalization(model, to="layer")
    >>> report.replaced
    ['bn']

    See also:
        `Report`, which holds them.
    """

    model: keras.Model
    report: Report
