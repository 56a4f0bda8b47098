"""Upstream gradients as the engine really hands them: expanded by a sum, or not contiguous after a transpose."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from gradcheck.functions.calls import Calls, first_line
from gradcheck.report import Finding

__all__ = ["strided_upstreams"]

_NUMBER = 0.75


def strided_upstreams(calls: Calls) -> list[Finding]:
    """GC150 where the strides of the upstream gradient matter to the backward."""
    for name, upstreams in _layouts(calls):
        applied = calls.applied()
        plain = [u.contiguous() for u in upstreams]
        try:
            expected = calls.gradients(applied, plain)
        except Exception:
            return []  # it does not take these numbers at all, which is no matter of strides
        applied = calls.applied()
        help_ = ("call grad_output.contiguous() first, or use reshape in place of view",)
        try:
            found = calls.gradients(applied, upstreams)
        except Exception as error:
            return [
                Finding(
                    "GC150",
                    "error",
                    f"backward raises for an upstream gradient that is {name}",
                    calls.layer,
                    evidence=(first_line(error),),
                    help=help_,
                )
            ]
        sizes = [float(torch.linalg.vector_norm(u.double())) for u in (*plain, *calls.upstreams(applied))]
        scale = sum(sizes[: len(plain)]) / (sum(sizes[len(plain) :]) or 1.0)
        if others := calls.differing(found, expected, scale):
            return [
                Finding(
                    "GC150",
                    "error",
                    f"{calls.titles(others)} is wrong for an upstream gradient that is {name}",
                    calls.layer,
                    evidence=("the same numbers in a contiguous tensor give another gradient",),
                    help=help_,
                )
            ]
    return []


def _layouts(calls: Calls) -> Iterator[tuple[str, list[torch.Tensor]]]:
    given = calls.upstreams(calls.applied())
    if any(u.ndim for u in given):
        # first the one with as much memory behind it as a kernel may read that takes it for contiguous
        yield "not contiguous (as a transpose makes it)", [_not_contiguous(u) for u in given]
        yield "expanded (strides of 0, as out.sum() makes it)", [_expanded(u) for u in given]


def _expanded(upstream: torch.Tensor) -> torch.Tensor:
    memory = torch.full((max(upstream.numel(), 1),), torch.nan, dtype=upstream.dtype, device=upstream.device)
    memory[0] = _NUMBER
    return memory[0].expand(upstream.shape)


def _not_contiguous(upstream: torch.Tensor) -> torch.Tensor:
    if sum(n > 1 for n in upstream.shape) >= 2:
        axes = tuple(range(upstream.ndim))[::-1]
        return upstream.permute(axes).contiguous().permute(axes)
    return torch.stack([upstream, torch.full_like(upstream, torch.nan)], -1)[..., 0]
