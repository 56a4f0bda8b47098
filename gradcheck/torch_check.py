"""Checks of ``torch.autograd.Function`` and ``torch.nn.Module``, loaded only when one is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.diagnosis.tolerance import Limits
from gradcheck.errors import GradcheckError
from gradcheck.examine import Examination, examine
from gradcheck.functions import Asked, examine_function
from gradcheck.layers.recognise import TorchSubject
from gradcheck.layers.request import checked_names
from gradcheck.layers.torch_subject import refuse_for_functions_only
from gradcheck.witnesses.subject import Subject
from gradcheck.witnesses.torch_function import FunctionSubject
from gradcheck.witnesses.torch_module import ModuleSubject, submodule_calls

__all__ = ["check_torch"]

# Autograd's gradient of a module can only be wrong by what stands inside of it.
_WHERE_TO_LOOK = (
    "likely a torch.autograd.Function inside of the module has a wrong backward, or .detach(), .data or NumPy hides a "
    "part of the forward; gradcheck.check_module checks each Function by itself, and names the cause"
)


def check_torch(
    found: TorchSubject,
    *,
    wrt: Sequence[str] | None,
    constants: Sequence[str],
    kwargs: Mapping[str, object] | None,
    dtype: np.dtype[Any] | None,
    reference: Callable[..., Any] | None,
    upstream: object,
    limits: Limits,
    seed: int,
    submodules: bool,
    name: str | None,
    gradgrad: bool = False,
    vmap: bool | None = None,
) -> list[Examination]:
    """The examination of a Function, or of a module and (on request) of each of its submodules.

    Raises:
        GradcheckError: an option is given that does not go with this kind of subject.
    """
    if torch.is_inference_mode_enabled():
        raise GradcheckError(
            "torch.inference_mode: nothing can be differentiated inside it; make the check outside of it"
        )
    target: Any = found.target
    wrt, constants = None if wrt is None else checked_names(wrt, "wrt"), checked_names(constants, "constants")
    subjects: list[tuple[str, Subject]] = []
    if found.kind == "function":
        if submodules:
            raise GradcheckError("submodules: only a torch.nn.Module has submodules; leave it out")
        if kwargs:
            raise GradcheckError(
                "kwargs: a torch.autograd.Function takes none; give the values in their places instead"
            )
        function = FunctionSubject(target, found.arguments, seed=seed, dtype=dtype, wrt=wrt, constants=constants)
        subject: Subject = function
        if reference is not None:
            from gradcheck.witnesses.torch_reference import WithReference

            subject = WithReference(function, reference, function.places(), seed)
        try:
            asked = Asked(limits, seed, gradgrad, vmap)
            return examine_function(function, asked, subject=subject, upstream=upstream)
        finally:
            subject.restore()
    else:
        if reference is not None:
            raise GradcheckError("reference: a torch.nn.Module is its own reference; leave it out")
        refuse_for_functions_only(gradgrad, vmap)
        keywords = dict(kwargs or {})
        options = {"seed": seed, "dtype": dtype}
        whole = ModuleSubject(
            target, found.arguments, keywords, wrt=wrt, constants=constants, name=name or "", seed=seed, dtype=dtype
        )
        subjects.append((name or type(target).__name__ if submodules else "", whole))
        if submodules:
            for path, module, inputs in submodule_calls(target, found.arguments, keywords, seed):
                if not any(hasattr(i, "is_floating_point") and i.is_floating_point() for i in inputs) and not any(
                    True for _ in module.parameters()
                ):
                    continue  # nothing to differentiate
                subjects.append((path, ModuleSubject(module, inputs, {}, wrt=None, constants=(), **options)))  # type: ignore[arg-type]  # seed and dtype
    done: list[Examination] = []
    for layer, subject in subjects:
        try:
            done.append(
                examine(subject, upstream=None if layer and done else upstream, limits=limits, seed=seed, layer=layer)
            )
        finally:
            subject.restore()
    wrong = [result for examined in done for result in examined.gradients if result.verdict == "wrong"]
    if any((result.relative_error or 0.0) <= (result.limit or math.inf) for result in wrong):
        done[0].notes.append(_WHERE_TO_LOOK)
    return done
