"""Inputs and outputs kept as attributes of ``ctx``: a change in place goes unnoticed, which saved tensors notice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from gradcheck.functions.calls import Calls
from gradcheck.report import Finding
from gradcheck.witnesses.function_call import Applied

__all__ = ["kept_unprotected"]


def kept_unprotected(calls: Calls) -> list[Finding]:
    """GC153 where an in-place operation after the forward changes the gradient and nothing is raised."""
    applied = calls.applied()
    for attribute, what, tensor in _kept(calls, applied):
        try:
            with torch.no_grad():
                tensor.mul_(0.5).add_(0.25)
            found = calls.gradients(applied, calls.upstreams(applied))
        except Exception:
            return []  # noticed, aloud; or expanded, so that nobody can write into it
        others = calls.differing(found, calls.once)
        if not others:
            applied = calls.applied()
            continue
        return [
            Finding(
                "GC153",
                "warning",
                f"ctx.{attribute} is {what} itself: changed in place later, it makes {calls.titles(others)} wrong",
                calls.layer,
                evidence=(f"{what}.mul_(0.5).add_(0.25) after forward: another gradient, and no error",),
                help=("keep it with ctx.save_for_backward: PyTorch then raises an error where it was changed",),
            )
        ]
    return []


def _kept(calls: Calls, applied: Applied) -> Iterator[tuple[str, str, torch.Tensor]]:
    names = calls.subject.arguments.names
    shared = [(names[i], applied.args[i]) for i in applied.leaves]
    outputs = [o for o in applied.outputs if isinstance(o, torch.Tensor) and o.is_floating_point()]
    shared += [("the output" if len(outputs) == 1 else f"output {k}", o) for k, o in enumerate(outputs)]
    for attribute, value in vars(applied.node).items():
        for tensor in _tensors(value):
            for what, candidate in shared:
                if tensor is candidate or (tensor.numel() and _memory(tensor) == _memory(candidate)):
                    yield attribute, what, candidate
                    break


def _memory(tensor: torch.Tensor) -> Any:
    return tensor.device, tensor.untyped_storage().data_ptr()


def _tensors(value: object) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value] if value.is_floating_point() else []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [t for item in items for t in _tensors(item)]
