"""A tensor in a few numbers, as cheaply as they can be had: what a statistic costs decides what a watch costs."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch

from gradcheck.health.sample import Stats
from gradcheck.watching.pytorch.shards import local

__all__ = ["finite_norms", "merged", "norm_of", "norm_of_all", "real_entries", "stats_of"]

# Magnitudes near the ends of the dtype's range, as a share of the largest number (in 32 bits and more: of its root) and
# as a multiple of the smallest normal one.
_HIGH = 1e-3
_LOW = 1e6
_SAFE = 1e-15  # the square of a smaller norm comes near the end of float32
_DENSE = torch.strided
_WIDE = (torch.float32, torch.float64)
_SMALL = 1 << 13  # entries of a tensor that is copied rather than looked at by itself


@functools.cache
def _limits(dtype: torch.dtype) -> tuple[float, float, torch.dtype | None, str]:
    """What is near the largest number, the smallest normal one, in what to add up if not in the dtype, and its name."""
    limits, name = torch.finfo(dtype), str(dtype).removeprefix("torch.")
    if limits.bits == 16:
        return limits.max * _HIGH, limits.tiny, torch.float32, name
    return math.sqrt(limits.max) * _HIGH, limits.tiny, None, name  # where the square overflows


def real_entries(tensor: torch.Tensor) -> torch.Tensor:
    """The entries as plain real numbers: those that are stored where it is sparse, both parts where it is complex."""
    if tensor.requires_grad:
        tensor = tensor.detach()
    if tensor.layout != torch.strided:
        tensor = tensor.coalesce().values() if tensor.layout == torch.sparse_coo else tensor.values()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def _squares(tensor: torch.Tensor) -> torch.Tensor:
    """The sum of squares, or something whose finiteness and zeroness are the same; 16-bit floats in 32 bits."""
    if tensor.dtype in _WIDE and tensor.is_contiguous():
        flat = tensor.view(-1)
        return torch.dot(flat, flat)  # BLAS: three times as fast as a norm
    norm: torch.Tensor = torch.linalg.vector_norm(tensor, dtype=_limits(tensor.dtype)[2])
    return norm.square()


def norm_of(tensor: torch.Tensor) -> float:
    """The 2-norm; in float64 where a float32 one leaves the range; not finite only where an entry is not."""
    tensor = real_entries(tensor)
    return _checked(tensor, _squares(tensor).item())


def _checked(tensor: torch.Tensor, squares: float) -> float:
    if 1e-30 < squares < math.inf:
        return math.sqrt(squares)
    if tensor.numel() == 0:
        return 0.0
    low, high = _extremes(tensor)
    largest = max(abs(low), abs(high))
    if largest == 0.0 or not math.isfinite(largest):
        return largest  # NaN and infinity pass through
    wide = tensor.to(torch.float64) / largest  # so that float64's own range is no limit either
    return float(torch.linalg.vector_norm(wide)) * largest


def _extremes(tensor: torch.Tensor) -> tuple[float, float]:
    return tensor.amin().item(), tensor.amax().item()  # one after the other: in one call it takes longer


def finite_norms(tensors: Sequence[torch.Tensor]) -> list[float]:
    """The 2-norm of each, with one call and one transfer from the device for all of them."""
    if not tensors:
        return []
    dtype, device, recorded = tensors[0].dtype, tensors[0].device, False
    for tensor in tensors:
        if tensor.dtype is not dtype or tensor.layout is not torch.strided or tensor.device != device:
            return [norm_of(each) for each in tensors]
        recorded |= tensor.requires_grad
    if dtype not in _WIDE or recorded:
        return [norm_of(tensor) for tensor in tensors]
    found = torch._foreach_norm(list(tensors))
    norms: list[float] = [norm.item() for norm in found] if device.type == "cpu" else torch.stack(found).tolist()
    return [
        norm if _SAFE < norm < math.inf else _checked(tensor, norm * norm)
        for norm, tensor in zip(norms, tensors, strict=True)
    ]


def norm_of_all(tensors: Sequence[torch.Tensor]) -> float | None:
    """The 2-norm of all together; None where it is not finite, or so far out that the sum of squares is not exact.

    Small ones are put together first: a call costs more than what it computes of them.
    """
    large: list[torch.Tensor] = []
    small: list[torch.Tensor] = []
    if not tensors or tensors[0].dtype not in _WIDE:
        return None
    dtype, device = tensors[0].dtype, tensors[0].device
    for tensor in tensors:
        if type(tensor) is not torch.Tensor:
            tensor = local(tensor)
        if tensor.dtype is not dtype or tensor.layout is not torch.strided or tensor.device != device:
            return None
        (small if tensor.numel() <= _SMALL else large).append(tensor)
    if len(small) > 1:
        small = [torch._C._nn.flatten_dense_tensors(small)]
    found = torch._foreach_norm(large + small)
    squares = 0.0
    for norm in found if device.type == "cpu" else [torch.stack(found).norm()]:
        number = norm.item()
        squares += number * number
    return math.sqrt(squares) if _SAFE**2 < squares < math.inf else None


def stats_of(
    tensor: torch.Tensor,
    *,
    extremes: bool = False,
    mean: bool = False,
    zeros: bool = False,
    probabilities: bool = False,
    norm: float | None = None,
) -> Stats:
    """What was asked for, and besides it what is needed where magnitudes come near the ends of the dtype's range.

    Args:
        tensor: Any floating-point or complex tensor; one that is sparse counts with the entries that it stores.
        extremes: Measure ``low`` and ``high``.
        mean: Measure the mean.
        zeros: Count the entries that are exactly 0.
        probabilities: The entries lie between 0 and 1, and small ones count though there are large ones.
        norm: The 2-norm, where it is known already.
    """
    tensor = tensor if norm is not None and tensor.dtype in _WIDE and tensor.layout is _DENSE else real_entries(tensor)
    count = tensor.numel()
    large, tiny, wide, name = _limits(tensor.dtype)
    if count == 0:
        return Stats(0, 0.0, name)
    if norm is None:
        squares = _squares(tensor).item()
        norm = math.sqrt(squares) if 1e-30 < squares < math.inf else _checked(tensor, squares)
    if not (extremes or mean or zeros or probabilities) and tiny * _LOW * math.sqrt(count) < norm <= large:
        return Stats(count, norm, name)
    finite = math.isfinite(norm)
    low = high = None
    if extremes or not finite or norm > large:
        low, high = _extremes(tensor)
    zero = smallest = subnormal = None
    if zeros:
        zero = count - int(torch.count_nonzero(tensor))
    least = tensor.amin().item() if probabilities else norm / math.sqrt(count)
    if finite and least < tiny * _LOW:
        zero, smallest, subnormal = _small(tensor, tiny)
    return Stats(
        count=count,
        norm=norm,
        dtype=name,
        low=low,
        high=high,
        mean=tensor.sum(dtype=wide).item() / count if mean else None,
        bad=0 if finite else count - int(torch.isfinite(tensor).sum()),
        zeros=zero,
        smallest=smallest,
        subnormal=subnormal,
    )


def _small(tensor: torch.Tensor, tiny: float) -> tuple[int, float | None, int]:
    magnitudes = tensor.abs().to(torch.float64)
    there = magnitudes[magnitudes > 0]
    smallest = float(there.min()) if there.numel() else None
    return tensor.numel() - there.numel(), smallest, int((there < tiny).sum())


def merged(one: Stats | None, other: Stats | None) -> Stats | None:
    """The statistics of both arrays together; what is known of one only is unknown of both."""
    if one is None or other is None:
        return one or other
    count = one.count + other.count
    return Stats(
        count=count,
        norm=math.hypot(one.norm, other.norm),
        dtype=one.dtype,
        low=None if one.low is None or other.low is None else min(one.low, other.low),
        high=None if one.high is None or other.high is None else max(one.high, other.high),
        mean=None
        if one.mean is None or other.mean is None or not count
        else (one.mean * one.count + other.mean * other.count) / count,
        bad=one.bad + other.bad,
        zeros=None if one.zeros is None or other.zeros is None else one.zeros + other.zeros,
        smallest=min((s.smallest for s in (one, other) if s.smallest is not None), default=None),
        subnormal=None if one.subnormal is None or other.subnormal is None else one.subnormal + other.subnormal,
    )
