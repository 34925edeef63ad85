"""Solves linear heads on frozen features to the optimum."""

from kerasnorm.transfer.solving._solve_head import Head, solve_head, solve_targets

__all__ = ["Head", "solve_head", "solve_targets"]
