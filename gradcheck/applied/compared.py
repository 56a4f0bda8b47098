"""What a Function's backward gave in the running model, against what it gives alone with the very same arguments."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gradcheck.applied.record import Call
from gradcheck.report import Finding
from gradcheck.witnesses.function_call import apply_function

__all__ = ["other_than_alone"]

# The same operations on the same numbers; some kernels sum in another order each time. By the bytes of a number.
_SAME = {2: 3e-2, 4: 1e-3, 8: 1e-7}


def other_than_alone(call: Call, names: Sequence[str], layer: str) -> list[Finding]:
    """GC161 where a gradient in the model is not the one that the call gives by itself, twice in a row."""
    if call.returned is None or call.autocast:
        return []
    first, second = _alone(call), _alone(call)
    tensors = [i for i, a in enumerate(call.args) if isinstance(a, torch.Tensor)]
    wrong = []
    for position, given in zip(tensors, call.returned, strict=True):
        one, two = first.get(position), second.get(position)
        if given is None or one is None or two is None or _apart(one, two) > 0.1 * _SAME.get(one.element_size(), 1e-7):
            continue
        if (error := _apart(given, one)) > _SAME.get(one.element_size(), 1e-7):
            wrong.append((f"d{names[position]}", error))
    if not wrong:
        return []
    return [
        Finding(
            "GC161",
            "error",
            f"in the model {', '.join(name for name, _ in wrong)} is not what the same call gives alone",
            layer,
            wrong[0][0],
            where=call.where,
            cause=("what backward reads is changed between its forward and its backward",),
            evidence=(f"the same inputs, random state and upstream gradient: off by {wrong[0][1]:.1e} in the model",),
            help=(
                "look for what is kept on the class or in a global, for an output that is changed in place after the "
                "call (relu_, +=) while ctx holds it, and for an upstream gradient that is not contiguous",
            ),
        )
    ]


def _alone(call: Call) -> dict[int, torch.Tensor]:
    assert call.upstreams is not None
    call.randomness.restore()
    applied = apply_function(call.function, call.args, call.needs)
    outputs = [o for o in applied.outputs if isinstance(o, torch.Tensor)]
    pairs = [(o, u) for o, u in zip(outputs, call.upstreams, strict=True) if u is not None and o.requires_grad]
    found = torch.autograd.grad(
        [o for o, _ in pairs], list(applied.leaves.values()), [u for _, u in pairs], allow_unused=True
    )
    return {i: g for i, g in zip(applied.leaves, found, strict=True) if g is not None}


def _apart(left: torch.Tensor, right: torch.Tensor) -> float:
    if left.shape != right.shape:
        return float("inf")
    wide = torch.float64
    gap = float(torch.linalg.vector_norm(left.to(wide) - right.to(wide)))
    length = float(torch.linalg.vector_norm(right.to(wide)))
    return gap / length if length else gap
