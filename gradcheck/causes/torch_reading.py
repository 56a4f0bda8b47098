"""PyTorch's calls that read entries of an array, as ``x[index]``: what is read twice is to be added up twice."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

__all__ = ["reading"]

Index = tuple[Any, ...]


def reading(name: str, args: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[torch.Tensor, Any] | None:
    """The array and the index which a call reads it by; None where it is another call, or has options of its own."""
    pool = re.fullmatch(r"max_pool([123])d(_with_indices)?", name)
    if pool is not None and args:
        return args[0], _highest(int(pool[1]), args, keywords)
    if name == "embedding" and len(args) >= 2:
        return args[1], args[0]
    order = _ORDER.get(name)
    if order is None or not args or not isinstance(args[0], torch.Tensor):
        return None
    given = dict(zip(order, args[1:], strict=False)) | dict(keywords)
    if set(given) != set(order) or not isinstance(given["dim"], int):
        return None
    (by,) = (given[key] for key in order if key != "dim")
    return args[0], _FOUND[name](args[0], by, given["dim"] % args[0].ndim)


def _selected(x: torch.Tensor, index: torch.Tensor, axis: int) -> Index:  # noqa: ARG001  # as all that find an index
    return *[slice(None)] * axis, index


def _gathered(x: torch.Tensor, index: torch.Tensor, axis: int) -> Index:  # noqa: ARG001
    grid = torch.meshgrid(*map(torch.arange, index.shape), indexing="ij")
    return *grid[:axis], index, *grid[axis + 1 :]


def _repeated(x: torch.Tensor, times: int | torch.Tensor, axis: int) -> Index:
    return *[slice(None)] * axis, torch.arange(x.shape[axis]).repeat_interleave(times)


_ORDER = {"index_select": ("dim", "index"), "gather": ("dim", "index"), "repeat_interleave": ("repeats", "dim")}
_FOUND: dict[str, Callable[[torch.Tensor, Any, int], Index]] = {
    "index_select": _selected,
    "gather": _gathered,
    "repeat_interleave": _repeated,
}


def _highest(ndim: int, args: Sequence[Any], keywords: Mapping[str, Any]) -> Index:
    """Where the highest number of each window stands."""
    options = {key: value for key, value in keywords.items() if key != "return_indices"}
    pooled = getattr(functional, f"max_pool{ndim}d_with_indices")
    places = pooled(*[a.detach() if isinstance(a, torch.Tensor) else a for a in args[:6]], **options)[1]
    before = torch.meshgrid(*map(torch.arange, places.shape), indexing="ij")[:-ndim]
    return *before, *torch.unravel_index(places, args[0].shape[-ndim:])
