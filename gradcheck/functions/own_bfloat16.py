"""bfloat16 inputs: NumPy has none, so the gradients are judged in float32, and the Function is run once in bfloat16.

What a right gradient may be off by there is what PyTorch's own is off by in float32, scaled to bfloat16's precision.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from gradcheck.difference import norm, relative, relative_error
from gradcheck.functions.calls import Calls, Found, first_line, place_of
from gradcheck.report import Finding
from gradcheck.state import seed_everything
from gradcheck.witnesses.function_call import Applied, apply_function
from gradcheck.witnesses.torch_arrays import to_array

__all__ = ["own_bfloat16"]

_EPS = float(torch.finfo(torch.bfloat16).eps)
# The slack of the yardstick; what is lost by subtracting is as large as the upstream gradients.
_SLACK, _LOST = 32.0, 64.0
_ANOTHER = 0.2  # of the output's norm: masks that are drawn anew change about as much as they keep


def own_bfloat16(calls: Calls) -> list[Finding]:
    """GC163 where a backward that is right in float32 fails, or is wrong beyond rounding, with bfloat16 inputs."""
    given = [calls.subject.arguments.positional[i] for i in range(len(calls.subject.arguments.names))]
    if calls.autocast or not any(_is_narrow(value) for value in given):
        return []
    names = [n for n in calls.subject.arguments.names if n in calls.evidence.values]
    try:
        applied = _applied(calls, given)
        if _is_another_function(calls, applied):
            return []
        found: Found = calls.gradients(applied, list(calls.upstreams(applied)))
    except Exception as error:
        return [_finding(calls, "fails with bfloat16 inputs", first_line(error))]
    bad = {name: why for name in names if (why := _wrong(calls, name, found))}
    if not bad:
        calls.subject.notes.append("bfloat16 inputs: judged in float32, and found right within rounding in bfloat16")
        return []
    return [_finding(calls, f"gives a wrong {calls.titles(list(bad))} in bfloat16", *bad.values())]


def _is_narrow(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16


def _applied(calls: Calls, given: list[object]) -> Applied:
    """The Function applied to the very tensors it was handed, from the seed of the check."""
    seed_everything(calls.subject.seed)
    args, _, _ = calls.subject.arguments.filled(calls.evidence.values, None, requires_grad=False)
    own = [a.to(torch.bfloat16) if _is_narrow(value) else a for a, value in zip(args, given, strict=True)]
    needs = [n in calls.evidence.values for n in calls.subject.arguments.names]
    return apply_function(calls.subject.function, own, needs)


def _is_another_function(calls: Calls, applied: Applied) -> bool:
    """Whether its outputs are others than in float32 by far more than rounding: a mask that is drawn by dtype, say."""
    pairs = zip(applied.differentiable(), calls.evidence.yours.outputs, strict=True)
    return any(relative_error(to_array(o), expected) > _ANOTHER for o, expected in pairs)


def _wrong(calls: Calls, name: str, found: Found) -> str:
    # held against the same backward in float32, which was found right: at a corner it has a convention of its own
    yours, true = found.get(name), calls.once.get(name)
    single, exact = calls.evidence.single().get(name), calls.evidence.autograd.get(name)
    if yours is None or true is None or single is None or exact is None or yours.shape != true.shape:
        return ""
    if not np.all(np.isfinite(yours)):
        return f"d{name} has NaN or infinite entries in bfloat16, and none in float32"
    gap = norm(np.subtract(yours, true, dtype=np.float64))
    terms = max(u.size for u in calls.evidence.upstreams)
    usual = norm(single - exact) * _EPS / float(np.finfo(np.float32).eps)
    allowed = max(_SLACK * usual, 2 * _EPS * math.sqrt(max(terms, 64)) * norm(true))
    # products of two gradients' worth of numbers may cancel
    lost = _EPS * _LOST * max(calls.evidence.upstream_sizes())
    off = relative(gap, norm(true))
    return f"d{name} is off by {off:.2g} of its norm in bfloat16" if gap > max(allowed, min(lost, norm(true))) else ""


def _finding(calls: Calls, how: str, *evidence: str) -> Finding:
    return Finding(
        "GC163",
        "error",
        f"backward is right in float32, and {how}",
        calls.layer,
        where=place_of(calls.subject.function),
        evidence=evidence,
        help=("add up in float32 (x.float()), and round the result to the input's dtype",),
    )
