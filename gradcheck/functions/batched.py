"""A Function under ``torch.vmap``: one call on a batch, against a loop over its samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradcheck.diagnosis.called_again import other_values
from gradcheck.difference import norm
from gradcheck.functions.calls import Calls, first_line
from gradcheck.report import Finding
from gradcheck.witnesses.torch_arrays import flat_outputs, to_array

__all__ = ["batched", "declares_vmap"]

_SAMPLES = 3
_SAME = {2: 3e-2, 4: 1e-4, 8: 1e-8}  # another kernel, by the bytes of a number: relative to the norm
_HELP = (
    "vmap(info, in_dims, *args) gets None for what is not batched: move each batched axis to the front "
    "(x.movedim(dim, 0)), return the output and where its batch axis is",
)


def declares_vmap(function: Any) -> bool:
    """Whether the Function has a rule of its own for ``torch.vmap``, or has one generated."""
    return bool(function.generate_vmap_rule) or function.vmap is not torch.autograd.Function.vmap


@dataclass
class _Way:
    """Which arguments are batched, and along which axis."""

    said: str
    in_dims: list[int | None]


def batched(calls: Calls) -> list[Finding]:
    """GC159 where vmap gives something else than a loop, GC160 where it raises."""
    subject = calls.subject
    samples = [dict(calls.evidence.values)]
    samples += [other_values(calls.evidence.values, calls.evidence.rng) for _ in range(_SAMPLES - 1)]
    for way in _ways(calls):
        single = sum(d is not None for d in way.in_dims) == 1
        axes = {n: d for n, d in zip(subject.arguments.names, way.in_dims, strict=True) if d is not None}
        named = list(axes)
        # where some are not batched, those are the same in every sample
        used = [{n: (s if n in named else samples[0])[n] for n in s} for s in samples]
        try:
            looped = [_alone(calls, values) for values in used]
        except Exception:
            return []  # other values may be outside of what the forward accepts
        try:
            together = _together(calls, used, way.in_dims)
        except Exception as error:
            return [
                Finding(
                    "GC160",
                    "error",
                    "torch.vmap of it raises"
                    + (f" where {named[0]} alone is batched" if single and len(way.in_dims) > 1 else ""),
                    calls.layer,
                    evidence=(f"{way.said}: {first_line(error)}",),
                    help=_HELP,
                )
            ]
        if wrong := _differing(together, looped, axes, calls):
            what, sample, error_ = wrong
            return [
                Finding(
                    "GC159",
                    "error",
                    f"under torch.vmap {what} is not what a loop over the samples gives",
                    calls.layer,
                    evidence=(f"{way.said}: sample {sample + 1} of {_SAMPLES} differs by {error_:.1e} of its norm",),
                    help=_HELP,
                )
            ]
    return []


def _ways(calls: Calls) -> list[_Way]:
    subject = calls.subject
    tensors = [isinstance(a, torch.Tensor | np.ndarray) for a in subject.arguments.positional]
    ways = [_Way("everything batched along axis 0", [0 if t else None for t in tensors])]
    if any(v.ndim for v in calls.evidence.values.values()):
        ways.append(_Way("everything batched along the last axis", [-1 if t else None for t in tensors]))
    if sum(tensors) > 1:
        for i, name in enumerate(subject.arguments.names):
            if name in calls.evidence.values:
                dims = [0 if k == i else None for k in range(len(tensors))]
                ways.append(_Way(f"{name} alone batched along axis 0, the others not at all", dims))
    return ways


_Told = tuple[list[torch.Tensor], dict[str, torch.Tensor]]


def _alone(calls: Calls, values: dict[str, Any]) -> _Told:
    applied = calls.applied(values)
    outputs = applied.differentiable()
    leaves = {calls.subject.arguments.names[i]: leaf for i, leaf in applied.leaves.items()}
    return list(outputs), _gradients(outputs, leaves, calls.upstreams(applied))


def _together(calls: Calls, samples: Sequence[dict[str, Any]], in_dims: Sequence[int | None]) -> _Told:
    arguments = calls.subject.arguments
    filled = [arguments.filled(values, None, requires_grad=False)[0] for values in samples]
    batch: list[Any] = []
    leaves: dict[str, torch.Tensor] = {}
    for i, (name, dim) in enumerate(zip(arguments.names, in_dims, strict=True)):
        value = filled[0][i] if dim is None else torch.stack([f[i] for f in filled], dim)
        if name in samples[0]:
            leaves[name] = value.requires_grad_()
        batch.append(value)

    def outputs(*args: Any) -> Any:
        return tuple(_floats(calls.subject.function.apply(*args)))

    with torch.enable_grad():
        passed = [leaf.clone() if (leaf := leaves.get(n)) is not None else b for n, b in zip(arguments.names, batch)]  # noqa: B905  # of one length
        made = torch.vmap(outputs, in_dims=tuple(in_dims), randomness="different")(*passed)
    made = [o for o in made if o.requires_grad]
    upstreams = [u.expand(o.shape) for u, o in zip(calls.upstreams(calls.applied(samples[0])), made, strict=True)]
    return made, _gradients(made, leaves, upstreams)


def _floats(made: Any) -> list[torch.Tensor]:
    return flat_outputs(list(made) if isinstance(made, tuple | list) else [made])


def _gradients(
    outputs: Sequence[torch.Tensor], leaves: dict[str, torch.Tensor], upstreams: Sequence[torch.Tensor]
) -> dict[str, torch.Tensor]:
    found = torch.autograd.grad(list(outputs), list(leaves.values()), list(upstreams), allow_unused=True)
    pairs = zip(leaves, found, leaves.values(), strict=True)
    return {n: torch.zeros_like(leaf) if g is None else g for n, g, leaf in pairs}


def _differing(
    together: _Told, looped: Sequence[_Told], axes: dict[str, int], calls: Calls
) -> tuple[str, int, float] | None:
    """What differs first, in which sample, and by how much."""
    outputs, gradients = together

    def apart(now: torch.Tensor, then: torch.Tensor) -> float | None:
        size = then.element_size()
        return _off(now, then, max(_SAME.get(size, 1e-8), calls.rounding(size)))

    for sample, (alone, _) in enumerate(looped):
        for k, (one, many) in enumerate(zip(alone, outputs, strict=True)):
            what = "the output" if len(alone) == 1 else f"output {k}"
            if (error := apart(many[sample] if len(many) > sample else many, one)) is not None:
                return what, sample, error
    for name, given in gradients.items():
        each = [told[name] for _, told in looped]
        if name not in axes:  # one for all samples: its gradient is the sum of theirs
            if (error := apart(given, torch.stack(each).sum(0))) is not None:
                return f"d{name}, summed over the samples,", 0, error
            continue
        by_sample = given.movedim(axes[name], 0)
        for sample, one in enumerate(each):
            if (error := apart(by_sample[sample], one)) is not None:
                return f"d{name}", sample, error
    return None


def _off(now: torch.Tensor, then: torch.Tensor, same: float) -> float | None:
    """How far the one is off the other, relative to its norm; None where that is rounding."""
    if now.shape != then.shape:
        return float("inf")
    left, right = to_array(now), to_array(then)
    length = norm(right)
    gap = norm(np.subtract(left, right, dtype=np.float64))
    return None if gap <= same * length + 1e-12 else gap / (length or 1.0)
