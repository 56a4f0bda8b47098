"""Gradients that nobody asked for: ``ctx.needs_input_grad`` says whose, and the backward computes all the same."""

from __future__ import annotations

from torch.utils.flop_counter import FlopCounterMode

from gradcheck.functions.calls import Calls
from gradcheck.report import Finding

__all__ = ["unneeded_gradients"]


def unneeded_gradients(calls: Calls) -> list[Finding]:
    """GC152 where matrix products or convolutions are spent on gradients that are then dropped."""
    return _in_this_call(calls) if calls.in_model else _in_turn(calls)


def _in_turn(calls: Calls) -> list[Finding]:
    """Each input alone requires a gradient: the work must become less."""
    names = list(calls.evidence.values)
    if len(names) < 2:
        return []
    all_of_them, _ = _counted(calls, names)
    if not all_of_them:
        return []
    for name in names:
        flops, given = _counted(calls, [name])
        others = [n for n in given if n != name and n in names]
        if others and flops >= all_of_them:
            return [_finding(calls, others, f"only {name} requires a gradient", flops)]
    return []


def _in_this_call(calls: Calls) -> list[Finding]:
    floats = [v.name for v in calls.subject.variables if v.array.dtype.kind == "f"]
    names = list(calls.evidence.values)
    if len(floats) == len(names):
        return []
    flops, given = _counted(calls, names)
    others = [n for n in given if n in floats and n not in names]
    return [_finding(calls, others, f"{', '.join(others)} needs none here", flops)] if others and flops else []


def _counted(calls: Calls, names: list[str]) -> tuple[int, list[str]]:
    """Floating-point operations of a backward where ``names`` require a gradient, and what it gave one for."""
    applied = calls.subject.applied(calls.evidence.values, names)
    upstreams = calls.upstreams(applied)
    with FlopCounterMode(display=False) as counter:
        several = applied.backward(upstreams)
    given = [n for n, g in zip(calls.subject.arguments.names, several, strict=False) if g is not None]
    return int(counter.get_total_flops()), given


def _finding(calls: Calls, others: list[str], said: str, flops: int) -> Finding:
    position = calls.subject.arguments.names.index(others[0])
    return Finding(
        "GC152",
        "info",
        f"backward ignores ctx.needs_input_grad: it computes {calls.titles(others)} where nobody needs it",
        calls.layer,
        evidence=(f"{said}, and the backward takes {flops:,} floating-point operations in matrix products",),
        help=(f"d{others[0]} = ... if ctx.needs_input_grad[{position}] else None",),
    )
