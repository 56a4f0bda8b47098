"""The double backward of a Function: whether it is right, and if not, where the backward leaves autograd."""

from __future__ import annotations

import inspect
import re
import textwrap
from typing import Any

import torch

from gradcheck.diagnosis.tolerance import Limits
from gradcheck.errors import GradcheckError
from gradcheck.examine import Examination, examine
from gradcheck.functions.calls import Calls, place_of
from gradcheck.report import Finding, Where
from gradcheck.witnesses.function_call import backward_of, is_once_differentiable
from gradcheck.witnesses.function_twice import TwiceSubject

__all__ = ["double_backward"]

# What takes a value out of the graph, as it stands in the source of a backward.
_LEAVES = re.compile(r"\.detach\(|\.data\b|\.numpy\(|\.item\(|\.tolist\(|no_grad\(|from_numpy\(|torch\.tensor\(")
_HELP = (
    "compute the backward with differentiable torch operations from inputs and outputs that were saved; "
    "or mark it @torch.autograd.function.once_differentiable, so that a second derivative raises an error"
)


def double_backward(calls: Calls, limits: Limits, seed: int) -> tuple[Examination | None, list[Finding]]:
    """The examination of the double backward, and what is wrong with it; None where it cannot be differentiated."""
    function, layer = calls.subject.function, calls.layer
    if is_once_differentiable(function):
        said = "backward is marked once_differentiable: a second derivative raises an error, and was not checked"
        return None, [Finding("GC158", "info", said, layer)]
    twice = TwiceSubject(calls.subject, calls.evidence.values, list(calls.evidence.upstreams))
    label = f"{layer}, double backward" if layer else "double backward"
    try:
        done = examine(twice, limits=Limits(limits.rtol, limits.atol, 0), seed=seed, layer=label)
    except GradcheckError as error:
        told = str(error.__cause__ or error).splitlines() or [""]
        return None, [
            Finding(
                "GC158",
                "error",
                f"the double backward of {calls.subject.name} raises an error",
                label,
                where=place_of(function),
                evidence=(f"{type(error.__cause__ or error).__name__}: {told[0]}",),
                help=(_HELP,),
            )
        ]
    done.findings = []  # what is said of causes is said of a backward, which here is the forward
    wrong = [g for g in done.gradients if g.verdict == "wrong"]
    if not wrong:
        return done, []
    names = ", ".join(g.name for g in wrong)
    return done, [
        Finding(
            "GC157",
            "error",
            f"the double backward of {calls.subject.name} is silently wrong in {names}",
            label,
            where=_leaves_autograd(function) or place_of(function),
            cause=_cause(calls, function),
            evidence=tuple(_told(g) for g in wrong[:4]),
            help=(_HELP,),
        )
    ]


def _told(gradient: Any) -> str:
    if not gradient.norm_yours:
        return f"{gradient.name}: zero by your backward, and it is not: its norm is {gradient.norm_true or 0.0:.3g}"
    return f"{gradient.name}: off by {gradient.relative_error or 0.0:.1e} of the true one"


def _cause(calls: Calls, function: Any) -> tuple[str, ...]:
    place = _leaves_autograd(function)
    if place is not None:
        return (f"{place.source}: what comes out of it is a constant to autograd",)
    kept = _kept_as_constants(calls)
    if kept:
        return (
            f"{kept} in forward, where nothing is recorded: the double backward takes it for a constant",
            "save inputs or outputs, and compute the rest from them in backward; or return it as a further output",
        )
    return ("the backward is right, its derivative is not: something in it is a constant to autograd",)


def _kept_as_constants(calls: Calls) -> str:
    """What forward kept that is neither an input nor an output, so that no graph leads from it to them."""
    node = calls.applied().node
    for attribute, value in vars(node).items():
        if isinstance(value, torch.Tensor) and value.is_floating_point() and not value.requires_grad:
            return f"ctx.{attribute} is computed"
    saved = [t for t in node.saved_tensors if t is not None and t.is_floating_point() and not t.requires_grad]
    return f"{len(saved)} of the saved tensors {'is' if len(saved) == 1 else 'are'} computed" if saved else ""


def _leaves_autograd(function: Any) -> Where | None:
    """The first line of the backward that takes a value out of the graph, as far as the source shows it."""
    backward = inspect.unwrap(backward_of(function))
    try:
        lines, first = inspect.getsourcelines(backward)
    except (OSError, TypeError):
        return None
    for number, line in enumerate(textwrap.dedent("".join(lines)).splitlines(), first):
        if _LEAVES.search(line.partition("#")[0]):
            code = backward.__code__
            return Where(code.co_filename, number, code.co_qualname, line.strip())
    return None
