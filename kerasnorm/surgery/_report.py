"""What a replacement did, layer by layer."""

from dataclasses import dataclass, field
from typing import NamedTuple

import keras


@dataclass(frozen=True)
class Report:
    """The paths of a model's normalization layers, by what became of them.

    Attributes:
        replaced: those that are new, in the order of the computation.
        kept: those that `where` did not choose, or that already were what was asked for.
        refused: those that were chosen and stay as they are, because the new normalization cannot
            stand in their place, or because it is not known what they compute.
        reasons: the reason, for each path in `refused`.
        groups: the number of groups, for each path where it is not the one asked for (32 unless
            given), since that does not divide the channels or leaves one value a group.
        standardized: convolutions whose kernels are standardized now.
        calibrated: those whose γ and β were set from examples.
        not_calibrated: the reason, for each path of `replaced` where they could not be.

    Example:

    >>> report = Report(replaced=["stem/bn", "block/bn"])
    >>> report.refuse("pool/bn", "A group would have one value.")
    >>> print(report)
    2 normalization layers replaced, 0 kept, 1 refused
    refused: pool/bn: A group would have one value.
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
        """Notes that the layer at a path stays, and why."""
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
    """A new model and how it came about.

    Attributes:
        model: the new keras.Model.
        report: a `Report` of what was replaced, kept and refused.

    Example:

    >>> from kerasnorm.surgery import replace_normalization
    >>> normalization = keras.layers.BatchNormalization(name="bn")
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), normalization])
    >>> new, report = replace_normalization(model, to="layer")
    >>> report.replaced
    ['bn']
    """

    model: keras.Model
    report: Report
