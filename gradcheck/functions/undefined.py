"""Upstream gradients that are not there: None, where ``ctx.set_materialize_grads(False)`` asked for it."""

from __future__ import annotations

import torch

from gradcheck.functions.calls import Calls, first_line
from gradcheck.report import Finding

__all__ = ["undefined_upstreams"]


def undefined_upstreams(calls: Calls) -> list[Finding]:
    """GC151 where the backward cannot do without an upstream gradient that it said may be missing."""
    applied = calls.applied()
    if applied.materializes:
        return []
    given = calls.upstreams(applied)
    cases: list[tuple[str, list[torch.Tensor | None]]] = [
        (f"output {k} alone has one", [u if i == k else None for i, u in enumerate(given)]) for k in range(len(given))
    ]
    single = len(given) == 1
    if single:
        cases = [("there is none at all", [None])]
    for said, upstreams in cases:
        expected = calls.gradients(
            calls.applied(), [torch.zeros_like(u) if w is None else w for u, w in zip(given, upstreams, strict=True)]
        )
        applied = calls.applied()
        try:
            # every output that has no upstream gradient counts as such, also those that are not differentiable
            found = calls.named(applied, applied.backward_as_handed(applied.handed(upstreams)))
        except Exception as error:
            return [
                Finding(
                    "GC151",
                    "warning" if single else "error",
                    "backward raises where an upstream gradient is None",
                    calls.layer,
                    evidence=(f"ctx.set_materialize_grads(False), and {said}: {first_line(error)}",),
                    help=("test each upstream gradient for None, or leave set_materialize_grads(False) out",),
                )
            ]
        if others := calls.differing(found, expected):
            return [
                Finding(
                    "GC151",
                    "error",
                    f"{calls.titles(others)} is wrong where an upstream gradient is None",
                    calls.layer,
                    evidence=(f"{said}; zeros in its place give another gradient",),
                    help=("None stands for zeros: leave out its share of each gradient, and no more",),
                )
            ]
    return []
