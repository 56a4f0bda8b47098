"""scipy.spatial.distance, for those who have SciPy."""

from __future__ import annotations

import math
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


@serves("scipy.spatial.distance.squareform")
def squareform(X: Operand, force: str = "no", checks: bool = True) -> torch.Tensor:  # noqa: ARG001  # checks change no value
    x = as_tensor(X)
    if force != "no" and force != ("tomatrix" if x.ndim == 1 else "tovector"):
        raise NotImplementedError(f"squareform with force={force!r}")
    if x.ndim == 2:
        first, second = torch.triu_indices(len(x), len(x), 1)
        return x[first, second]
    count = round((1 + math.sqrt(1 + 8 * len(x))) / 2)
    first, second = torch.triu_indices(count, count, 1)
    upper = x.new_zeros(count, count).index_put((first, second), x)
    return upper + upper.T


@serves("scipy.spatial.distance.euclidean")
def euclidean(u: Operand, v: Operand) -> torch.Tensor:
    a, b = operands(u, v)
    return _length(a - b, "euclidean", {})


@serves("scipy.spatial.distance.sqeuclidean")
def sqeuclidean(u: Operand, v: Operand) -> torch.Tensor:
    a, b = operands(u, v)
    return _length(a - b, "sqeuclidean", {})


@serves("scipy.spatial.distance.cityblock")
def cityblock(u: Operand, v: Operand) -> torch.Tensor:
    a, b = operands(u, v)
    return _length(a - b, "cityblock", {})


@serves("scipy.spatial.distance.cosine")
def cosine(u: Operand, v: Operand) -> torch.Tensor:
    a, b = operands(u, v)
    return 1 - (a * b).sum() / torch.sqrt((a * a).sum() * (b * b).sum())


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
