"""Another point: a parameter flipped, transposed or updated already where the gradient goes down through it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
import torch

from gradcheck.causes.candidate import Array, Candidate, Gradients
from gradcheck.causes.case import Case
from gradcheck.causes.seen_otherwise import gradients_seeing
from gradcheck.causes.seen_otherwise_torch import function_gradients_seeing
from gradcheck.causes.stage import Stage
from gradcheck.report import Where
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.torch_function import FunctionSubject

__all__ = ["candidates"]

Seen = Callable[[Case, str], "Array | None"]


def candidates(stage: Stage) -> Iterator[Candidate]:
    """For each parameter that others depend on: what goes down through it, with the parameter seen otherwise."""
    case = stage.case
    if not isinstance(case.own, NumpySubject | FunctionSubject) or any(b.transform is None for b in stage.base):
        return
    for name, value in case.values.items():
        others = tuple(case.true)
        called, where = name, _first_use(case, name)
        for says, seen in _views(value).items():
            yield Candidate(
                "GC238",
                f"has {called} {says} in what goes down through it",
                others,
                evaluate=functools.partial(_seeing, name, seen),
                where=where,
                detail=(f"the gradient goes down through {called} {says}; the forward has it as it stands",),
                help=_HELP.get(says, (f"take {called} as the forward has it",)),
                short=f"{called} {says}",
                cost=1.0,
            )
        if isinstance(case.own, NumpySubject) and (case.own.problem.learning_rate or case.own.moves_parameters):
            yield Candidate(
                "GC241",
                f"has {called} after its update in what goes down through it",
                others,
                evaluate=functools.partial(_seeing, name, _updated),
                where=where,
                detail=(f"{called} is updated before the gradient goes down through it",),
                help=(f"compute what goes down through {called} first, then update it",),
                short=f"{called} after its update",
                cost=0.9,
            )


_HELP = {
    "rotated by 180°": ("rotate the kernel by 180° on the way down: forward a correlation, backward a full one",),
}


def _views(value: Array) -> dict[str, Seen]:
    if value.ndim < 2:
        return {}
    found: dict[str, Seen] = {}
    if value.ndim >= 3 and min(value.shape[-2:]) > 1:
        found["rotated by 180°"] = lambda case, name: np.flip(case.values[name], (-2, -1))
        found["flipped along its last axis"] = lambda case, name: np.flip(case.values[name], -1)
        found["flipped along its last axis but one"] = lambda case, name: np.flip(case.values[name], -2)
    if value.shape[-1] == value.shape[-2] > 1:
        found["transposed"] = lambda case, name: np.swapaxes(case.values[name], -1, -2)
    if value.ndim == 4 and value.shape[0] == value.shape[1] > 1:
        found["with its first two axes exchanged"] = lambda case, name: np.swapaxes(case.values[name], 0, 1)
    return found


def _first_use(case: Case, name: str) -> Where | None:
    """The first line in which the forward uses an array."""
    leaf = None if case.recording is None else case.recording.leaves.get(name)
    if case.recording is None or leaf is None:
        return None
    return next((g.operation.site.where for g in case.recording.gates if any(_is(x, leaf) for x in g.inputs)), None)


def _is(tensor: torch.Tensor, leaf: torch.Tensor) -> bool:
    """Whether it is the leaf or its copy: the forward of a Function is given copies, which it may change in place."""
    made_by = tensor.grad_fn
    if made_by is None or made_by.name() != "CloneBackward0":
        return tensor is leaf
    return getattr(made_by.next_functions[0][0], "variable", None) is leaf


def _updated(case: Case, name: str) -> Array | None:
    if not isinstance(case.own, NumpySubject) or name not in case.yours:
        return None
    rate = case.own.problem.learning_rate
    if case.own.moves_parameters:
        case.own.yours(case.values, list(case.upstreams))
        return case.own.problem.parameters_after().get(name)
    return None if rate is None else case.values[name] - rate * case.yours[name]


def _seeing(name: str, seen: Seen, case: Case) -> Gradients | None:
    value = seen(case, name)
    if value is None:
        return None
    if isinstance(case.own, FunctionSubject):
        return function_gradients_seeing(case.own, case.values, case.upstreams, {name: value})
    assert isinstance(case.own, NumpySubject)  # as the case that the candidate was made for
    return gradients_seeing(case.own, case.values, case.upstreams, {name: value})
