"""Linear heads on frozen features, solved to the optimum."""

from kerasnorm.transfer.solving._solve_head import Head, solve_head

__all__ = ["Head", "solve_head"]
