"""Saved tensors that the backward works in: the first answer is right, and there is no second one."""

from __future__ import annotations

import torch

from gradcheck.functions.calls import Calls
from gradcheck.report import Finding

__all__ = ["saved_changed"]


def saved_changed(calls: Calls) -> list[Finding]:
    """GC153 where a backward changes a tensor of ``ctx.saved_tensors`` in place.

    PyTorch counts the in-place changes of a tensor in its version; a saved one must have the version it was saved with.
    """
    applied = calls.applied()
    upstreams = calls.upstreams(applied)
    saved = [t for t in applied.node.saved_tensors if isinstance(t, torch.Tensor)]
    before = [t._version for t in saved]
    applied.backward(upstreams)
    changed = [k for k, (t, version) in enumerate(zip(saved, before, strict=True)) if t._version != version]
    if not changed:
        return []
    memory = {_memory(t) for t in (*applied.leaves.values(), *applied.args, *applied.outputs) if _is_strided(t)}
    others = any(_memory(saved[k]) in memory for k in changed)
    which = ", ".join(f"saved_tensors[{k}]" for k in changed)
    return [
        Finding(
            "GC153",
            "error" if others else "warning",
            f"backward changes {which} in place",
            calls.layer,
            evidence=(
                "it is an input or an output of the function, which other layers may have saved as well"
                if others
                else "a second backward through the graph (retain_graph=True) raises an error for it",
            ),
            help=("work on a copy: an in-place operation (mul_, +=, out=) changes what forward saved",),
        )
    ]


def _is_strided(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.layout == torch.strided


def _memory(tensor: torch.Tensor) -> tuple[torch.device, int]:
    return tensor.device, tensor.untyped_storage().data_ptr()
