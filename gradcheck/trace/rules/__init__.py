"""For each NumPy function its PyTorch counterpart: same value, same shape, and the true derivative.

A rule is called with the arguments of the NumPy call, every traced array being a tensor (inside lists and tuples too).
It returns new tensors, never changes its arguments, and raises NotImplementedError for arguments it does not serve.
"""

from __future__ import annotations

from gradcheck.trace.rules import (  # noqa: F401  # importing a module enters its rules in the table
    by_derivative,
    convolution,
    creation,
    cumulative,
    decompositions,
    diagonals,
    distances,
    distributions,
    einsum,
    elementwise,
    extremes,
    filters,
    fourier,
    functions,
    indexing,
    joining,
    linear_algebra,
    log_sums,
    moments,
    norms,
    padding,
    polynomials,
    quantiles,
    reductions,
    scipy_linalg,
    series,
    shapes,
    solving,
    sorting,
    special,
    splitting,
    windows,
)
from gradcheck.trace.rules.convert import as_tensor
from gradcheck.trace.rules.getitem import getitem
from gradcheck.trace.rules.table import RULES, Rule, lookup

__all__ = ["RULES", "Rule", "as_tensor", "getitem", "lookup"]
