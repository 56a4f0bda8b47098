"""scipy.spatial.distance, for those who have SciPy."""

from __future__ import annotations

from typing import Any

import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, operands
from gradcheck.trace.rules.moments import root
from gradcheck.trace.rules.table import serves


@serves("scipy.spatial.distance.cdist")
def cdist(XA: Operand, XB: Operand, metric: Any = "euclidean", **options: Any) -> torch.Tensor:
    a, b = operands(XA, XB)
    return _length(a[:, None, :] - b[None, :, :], metric, options)


@serves("scipy.spatial.distance.pdist")
def pdist(X: Operand, metric: Any = "euclidean", **options: Any) -> torch.Tensor:
    x = as_tensor(X)
    first, second = torch.triu_indices(len(x), len(x), 1)
    return _length(x[first] - x[second], metric, options)


def _length(away: torch.Tensor, metric: Any, options: dict[str, Any]) -> torch.Tensor:
    if options:
        raise NotImplementedError(f"distances with {sorted(options)}")
    if metric == "sqeuclidean":
        return (away * away).sum(-1)
    if metric == "euclidean":
        return root((away * away).sum(-1))
    if metric in ("cityblock", "manhattan"):
        return away.abs().sum(-1)
    if metric == "chebyshev":
        return away.abs().amax(-1)
    raise NotImplementedError(f"the distance {metric!r}")
