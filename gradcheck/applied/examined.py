"""One call of a model's Function, examined: the rows and findings that a report shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from gradcheck.applied.compared import other_than_alone
from gradcheck.applied.masked import at_finite_entries, masked_entries
from gradcheck.applied.record import OPERATOR, Call
from gradcheck.errors import GradcheckError
from gradcheck.functions import Asked, examine_function
from gradcheck.functions.calls import place_of
from gradcheck.pictured import pictured
from gradcheck.report import Finding, GradientResult, Leak, Where
from gradcheck.state import gaussian
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.subject import Array
from gradcheck.witnesses.torch_arrays import to_array
from gradcheck.witnesses.torch_function import FunctionSubject, argument_names

__all__ = ["Examined", "examine_call"]

# exp(-200) is 1e-87: to a softmax a masked entry that far below the others is as good as one at -inf
_FAR_BELOW = 200.0
_HUGE = 1e30


@dataclass
class Examined:
    """What was found of one call; ``replaced`` says that its upstream gradient had to be another."""

    gradients: list[GradientResult]
    findings: list[Finding] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    replaced: bool = False


def examine_call(call: Call, layer: str, asked: Asked, rng: np.random.Generator) -> Examined:
    """The call examined at its own arguments; one that cannot be is undecided, and says why."""
    if call.unseen:
        return _undecided(call, layer, call.unseen)
    args, notes = _finite(call, layer)
    try:
        names = argument_names(call.function, len(args))
        constants = [
            n
            for n, a, needed in zip(names, args, call.needs, strict=True)
            if isinstance(a, torch.Tensor) and a.is_floating_point() and not needed
        ]
        subject = FunctionSubject(call.function, args, seed=asked.seed, dtype=None, wrt=None, constants=constants)
        subject.autocast = call.autocast
    except GradcheckError as error:
        return _undecided(call, layer, str(error))
    for variable in subject.variables:
        if variable.name in constants:
            variable.reason = "requires none in this model"
    try:
        masked = _masked(call, subject)
        if masked is not None:
            subject.function = at_finite_entries(call.function)
            count = sum(int(where.sum()) for where in masked)
            notes.append(f"{layer}: {count:,} infinite entries of its output, which get no gradient, are left out")
        return _examined(call, subject, layer, asked, rng, notes, masked)
    except GradcheckError as error:
        return _undecided(call, layer, str(error))
    finally:
        subject.restore()


def _examined(
    call: Call,
    subject: FunctionSubject,
    layer: str,
    asked: Asked,
    rng: np.random.Generator,
    notes: list[str],
    masked: Sequence[torch.Tensor] | None,
) -> Examined:
    upstreams, replaced = _upstreams(call, subject, rng)
    if masked is not None:
        several = upstreams if isinstance(upstreams, tuple) else (upstreams,)
        zeroed = tuple(np.where(to_array(m), np.zeros_like(u), u) for u, m in zip(several, masked, strict=True))
        upstreams = zeroed if len(zeroed) > 1 else zeroed[0]
    found = Examined([], notes=notes, replaced=replaced)
    asked = replace(asked, gradgrad=asked.gradgrad or call.twice)
    for done in examine_function(subject, asked, upstream=upstreams, layer=layer):
        evidence = done.evidence
        found.gradients += pictured(done.gradients, evidence.yours.gradients, evidence.autograd)
        found.findings += done.findings
        found.leaks += done.leaks
        found.notes += done.notes
        for what, count in evidence.subject.counts.items():
            found.counts[what] = found.counts.get(what, 0) + count
    if all(g.verdict != "wrong" for g in found.gradients) and all(f.severity != "error" for f in found.findings):
        with raising_in("backward"):
            found.findings += other_than_alone(call, subject.arguments.names, layer)
    found.findings = [f if f.where is not None else replace(f, where=_backward(call)) for f in found.findings]
    return found


def _masked(call: Call, subject: FunctionSubject) -> list[torch.Tensor] | None:
    """The infinite entries of the outputs that the model gives no gradient; None where there are none."""
    given = [u for u, differs in zip(call.upstreams or (), call.differentiable, strict=False) if differs]
    with raising_in("forward"):
        return masked_entries(subject.applied(subject.values()).differentiable(), given)


def _backward(call: Call) -> Where | None:
    """Where the backward is written; where it is called from, if PyTorch made it."""
    return call.where if call.function.__name__.startswith(OPERATOR) else place_of(call.function)


def _upstreams(
    call: Call, subject: FunctionSubject, rng: np.random.Generator
) -> tuple[tuple[Array, ...] | Array, bool]:
    """The upstream gradients of the call; random ones of their size where they would hide a mistake."""
    with raising_in("forward"):
        applied = subject.applied(subject.values())
    shapes = [tuple(o.shape) for o in applied.differentiable()]
    given = [u for u, differs in zip(call.upstreams or (), call.differentiable, strict=False) if differs]
    made, replaced = [], False
    for k, shape in enumerate(shapes):
        real = given[k] if k < len(given) else None
        array = None if real is None else to_array(real)
        if array is None or _hides_mistakes(array):
            size = 0.0 if array is None else float(np.sqrt(np.mean(np.square(array, dtype=np.float64))))
            scale = size if 1e-6 < size < 1e6 else 1.0
            array, replaced = (scale * gaussian(rng, shape)).astype(np.float64 if array is None else array.dtype), True
        made.append(array)
    return (tuple(made) if len(made) > 1 else made[0]), replaced


def _hides_mistakes(array: Array) -> bool:
    """Constant along an axis (a sum's gradient), mostly zero, or not finite: a wrong backward may be right for it."""
    if not np.all(np.isfinite(array)) or 2 * np.count_nonzero(array) < array.size:
        return True
    return array.size == 1 or any(n > 1 and not np.any(np.ptp(array, axis=k)) for k, n in enumerate(array.shape))


def _finite(call: Call, layer: str) -> tuple[list[object], list[str]]:
    """The arguments, with entries of -inf (a mask) brought so near that differences can be taken."""
    made: list[object] = []
    notes = []
    for value in call.args:
        if isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel():
            far = value < -min(_HUGE, torch.finfo(value.dtype).max / 2)
            if bool(far.any()):
                rest = value[~far]
                low = float(rest.min()) if rest.numel() else 0.0
                value = torch.where(far, torch.full_like(value, low - _FAR_BELOW), value)
                notes.append(f"{layer}: {int(far.sum()):,} entries of -inf (or near) stand at {low - _FAR_BELOW:.4g}")
        made.append(value)
    return made, notes


def _undecided(call: Call, layer: str, why: str) -> Examined:
    tensors: Sequence[torch.Tensor] = [a for a, needed in zip(call.args, call.needs, strict=True) if needed]
    shape = tuple(tensors[0].shape) if tensors else ()
    dtype = str(tensors[0].dtype).removeprefix("torch.") if tensors else ""
    return Examined([GradientResult(layer, "its gradients", "inputs", shape, dtype, "undecided", why)])
