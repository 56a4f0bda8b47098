"""Each input as the only one that requires a gradient: where ``ctx.needs_input_grad`` is read at the wrong place."""

from __future__ import annotations

from gradcheck.functions.calls import Calls, first_line
from gradcheck.report import Finding

__all__ = ["needed_alone"]

_MOST = 6  # inputs, the first of them: each takes a forward and a backward


def needed_alone(calls: Calls) -> list[Finding]:
    """GC103 where such an input gets no gradient, GC111 where it gets another one than beside the others."""
    names = list(calls.evidence.values)
    if calls.in_model or len(names) < 2:
        return []  # in a model the inputs that require one are what they are
    for name in names[:_MOST]:
        applied = calls.subject.applied(calls.evidence.values, [name])
        try:
            found = calls.gradients(applied, calls.upstreams(applied))
        except Exception as error:
            return [_finding(calls, name, f"raises {type(error).__name__}", first_line(error), "GC111")]
        given, usual = found[name], calls.once[name]
        if given is None and usual is not None and usual.any():
            said = f"gives no gradient for {name}"
            return [_finding(calls, name, said, "it returns None, and PyTorch takes that for zeros", "GC103")]
        if calls.differing({name: given}, {name: usual}):
            said = f"gives another d{name}"
            return [_finding(calls, name, said, "beside others that require one its gradient is right", "GC111")]
    return []


def _finding(calls: Calls, name: str, said: str, evidence: str, code: str) -> Finding:
    position = calls.subject.arguments.names.index(name)
    return Finding(
        code,
        "error",
        f"backward {said} where {name} alone requires a gradient",
        calls.layer,
        f"d{name}",
        evidence=(evidence,),
        help=(
            f"{name} is argument {position} of forward (without ctx): its turn is ctx.needs_input_grad[{position}], "
            "also where other inputs are frozen",
        ),
    )
