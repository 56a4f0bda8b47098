"""What one application keeps where the next one finds it: on the class, in a global, not on its own ``ctx``."""

from __future__ import annotations

from gradcheck.diagnosis.called_again import other_values
from gradcheck.functions.calls import Calls, first_line
from gradcheck.report import Finding

__all__ = ["shared_between_calls"]


def shared_between_calls(calls: Calls) -> list[Finding]:
    """GC154 where a second ``apply`` before the backward of the first changes the first's gradients."""
    first = calls.applied()
    upstreams = calls.upstreams(first)
    try:
        calls.applied(other_values(calls.evidence.values, calls.evidence.rng))
    except Exception:
        return []  # other values may be outside of what the forward accepts
    try:
        found = calls.gradients(first, upstreams)
    except Exception as error:
        others, said = list(calls.once), f"the first's backward then raises {first_line(error)}"
    else:
        others = calls.differing(found, calls.once)
        said = "apply A, apply B, backward A gives another answer than apply A, backward A"
    again = calls.applied()
    if not others or calls.differing(calls.gradients(again, calls.upstreams(again)), calls.once):
        return []  # another answer each time is another fault
    return [
        Finding(
            "GC154",
            "error",
            f"two calls share what is kept for the backward: a second one changes {calls.titles(others)} of the first",
            calls.layer,
            evidence=(said, "in a model every call is followed by others before its backward"),
            help=("keep it on ctx (ctx.save_for_backward), which each call has of its own, not on the class",),
        )
    ]
