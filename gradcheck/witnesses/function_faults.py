"""What a Function's backward returned, seen before the engine sums, casts or drops it: the faults it would hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from gradcheck.report import Finding
from gradcheck.witnesses.subject import Array

__all__ = ["faults_of", "summed"]


def faults_of(
    several: Sequence[object], names: Sequence[str], args: Sequence[object], wanted: Mapping[str, object]
) -> list[Finding]:
    """Number, device, dtype and places of what the backward returned, against the arguments of the forward."""
    faults = []
    short = len(several) < len(names)
    if short or any(g is not None for g in several[len(names) :]):
        faults.append(
            Finding(
                "GC101",
                "error",
                f"backward returns {len(several)} gradients for {len(names)} inputs",
                help=("return one value per argument of forward after ctx, None where there is no gradient",),
            )
        )
    for name, given, argument in zip(names, several, args, strict=False):
        if given is None:
            continue
        if not isinstance(argument, torch.Tensor):
            faults.append(_for_no_tensor(name, argument))
        elif not (argument.is_floating_point() or argument.is_complex()):
            faults.append(_for_integers(name, argument.dtype))
        elif isinstance(given, torch.Tensor) and name in wanted:
            faults += _of_another_kind(name, given, argument)
    return faults


def _for_no_tensor(name: str, argument: object) -> Finding:
    return Finding(
        "GC156",
        "error",
        f"backward returns a gradient for {name}, which is no tensor",
        gradient=f"d{name}",
        evidence=(f"{name} is {argument!r:.40}; PyTorch's engine refuses a gradient for it with an error",),
        help=("return None in its place",),
    )


def _for_integers(name: str, dtype: torch.dtype) -> Finding:
    return Finding(
        "GC156",
        "warning",
        f"backward returns a gradient for {name}, which holds {_word(dtype)} numbers",
        gradient=f"d{name}",
        evidence=("PyTorch's engine drops it without a word: only floating-point tensors have gradients",),
        help=("return None in its place; are the gradients in the order of forward's arguments?",),
    )


def _of_another_kind(name: str, given: torch.Tensor, argument: torch.Tensor) -> list[Finding]:
    if given.device != argument.device:
        return [
            Finding(
                "GC155",
                "error",
                f"d{name} is on the device {given.device}, {name} is on {argument.device}",
                gradient=f"d{name}",
                evidence=("PyTorch's engine refuses it with an error",),
                help=(f"make it beside {name}: torch.zeros_like({name}), or torch.zeros(..., device={name}.device)",),
            )
        ]
    wider = given.is_floating_point() and torch.finfo(given.dtype).eps < torch.finfo(argument.dtype).eps
    if not wider:
        return []
    return [
        Finding(
            "GC155",
            "info",
            f"d{name} is {_word(given.dtype)}, {name} is {_word(argument.dtype)}",
            gradient=f"d{name}",
            evidence=("PyTorch's engine casts it back: more digits, and more time, than anybody gets",),
            help=(f"give constants and buffers the dtype of {name}, where the digits are not wanted for a sum",),
        )
    ]


def _word(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def summed(name: str, value: Array, gradients: dict[str, Array | None]) -> list[Finding]:
    """PyTorch's engine sums a gradient that was left unsummed over broadcast axes; say so, and judge the sum."""
    given = gradients[name]
    if given is None or given.shape == value.shape:
        return []
    try:
        if np.broadcast_shapes(given.shape, value.shape) != given.shape:
            return []
    except ValueError:
        return []
    lead = given.ndim - value.ndim
    axes = tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(value.shape) if n == 1 and given.shape[lead + i] != 1
    )
    gradients[name] = given.sum(axis=axes, keepdims=True).reshape(value.shape)
    return [
        Finding(
            "GC104",
            "warning",
            f"d{name} has shape {given.shape}, {name} has shape {value.shape}",
            gradient=f"d{name}",
            evidence=("PyTorch's engine sums it for you; called by anything else it is wrong",),
            help=(f"sum over axis {axes if len(axes) > 1 else axes[0]} in backward",),
        )
    ]
