"""Clipping of gradients, by PyTorch's own functions, whatever name they were imported under."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from types import CodeType, FrameType

import torch
from torch.nn.utils import clip_grad

from gradcheck.health.sample import GradientClip
from gradcheck.watching.pytorch.calls import Call
from gradcheck.watching.pytorch.shards import local

__all__ = ["CLIPPING", "GradientClips"]

CLIPPING = clip_grad.__file__  # the code that a clip's calls come from
_BY_NORM: CodeType = inspect.unwrap(clip_grad.clip_grad_norm_).__code__
_BY_VALUE: CodeType = inspect.unwrap(clip_grad.clip_grad_value_).__code__
_TINY = 1e-6  # a clip that leaves less than this may turn small gradients into zeros


class GradientClips:
    """Notices, at every step, that gradients are about to be clipped, and what the clip made of them.

    The functions are PyTorch code that calls PyTorch; their first call inside (they look the gradients up) comes before
    anything is changed.

    Args:
        parameters: The names and parameters that can have gradients.
        begins: Called before the first change of a step; gives the norm of each gradient by parameter's name.
    """

    def __init__(self, parameters: Mapping[str, torch.nn.Parameter], begins: Callable[[], Mapping[str, float]]) -> None:
        self._parameters = parameters
        self._begins = begins
        self._frame: FrameType | None = None
        self._found: list[tuple[GradientClip, Mapping[str, torch.Tensor], dict[str, torch.Tensor] | None]] = []
        self._counts = False

    def forget(self, counts: bool) -> None:
        """Begin a new step; ``counts``: look at every entry, as in sampled steps."""
        self._frame, self._found, self._counts = None, [], counts

    def heard(self, call: Call) -> None:
        """Any call of the program; all but those that a clip makes are let go at once."""
        if call.caller.co_filename != CLIPPING:
            return
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code not in (_BY_NORM, _BY_VALUE):
            frame = frame.f_back
        if frame is not None and frame is not self._frame:
            self._frame = frame
            self._clips(frame, call)

    def _clips(self, frame: FrameType, call: Call) -> None:
        norms = self._begins()
        given = frame.f_locals
        clipped = self._clipped(given.get("parameters"))
        gradients = {name: local(p.grad) for name, p in clipped.items() if p.grad is not None}
        by_norm = frame.f_code is _BY_NORM
        known = {name: norms[name] for name in gradients if name in norms}
        bad = 0
        if not all(map(math.isfinite, known.values())):
            bad = sum(int((~torch.isfinite(g.detach())).sum()) for g in gradients.values())
        limit = float(given["max_norm" if by_norm else "clip_value"])
        where = call.place.where if call.place is not None else None
        name = frame.f_code.co_name
        if not by_norm:
            found = GradientClip(name, where, limit, entries=sum(g.numel() for g in gradients.values()), bad=bad)
            if self._counts:
                found.clipped = sum(int((g.detach().abs() > limit).sum()) for g in gradients.values())
            self._found.append((found, gradients, None))
            return
        kind = float(given.get("norm_type", 2.0))
        parts = known if kind == 2.0 else {n: float(torch.linalg.vector_norm(g, kind)) for n, g in gradients.items()}
        total = _total(list(parts.values()), kind)
        factor = min(1.0, limit / (total + 1e-6)) if not math.isnan(total) else math.nan
        # PyTorch adds up in the gradients' own precision, where the sum of squares can overflow: then the factor is 0.
        if kind == 2.0 and any(part * part > torch.finfo(gradients[n].dtype).max for n, part in parts.items()):
            factor = 0.0
        worst = max(parts, key=lambda n: math.inf if math.isnan(parts[n]) else parts[n], default="")
        found = GradientClip(
            name,
            where,
            limit,
            norm=total,
            factor=factor,
            worst=worst,
            worst_norm=parts.get(worst),
            entries=sum(g.numel() for g in gradients.values()),
            bad=bad,
        )
        before = None
        if factor < _TINY:
            before = {n: g.detach() != 0 for n, g in gradients.items()}
        self._found.append((found, gradients, before))

    def _clipped(self, given: object) -> dict[str, torch.nn.Parameter]:
        if isinstance(given, torch.Tensor):
            given = [given]
        if not isinstance(given, list | tuple):  # a generator, which must not be used up
            return dict(self._parameters)
        chosen = {id(p) for p in given}
        return {name: p for name, p in self._parameters.items() if id(p) in chosen}

    def samples(self) -> list[GradientClip]:
        """The clips of this step, with what became of the gradients."""
        for clip, gradients, before in self._found:
            if before is not None:
                clip.zeroed = sum(int((mask & (gradients[n].detach() == 0)).sum()) for n, mask in before.items())
        found = [clip for clip, _, _ in self._found]
        self._found = []
        return found


def _total(parts: list[float], kind: float) -> float:
    if any(math.isnan(part) for part in parts):
        return math.nan
    if not parts:
        return 0.0
    if math.isinf(kind):
        return max(parts)
    return math.hypot(*parts) if kind == 2.0 else float(sum(part**kind for part in parts) ** (1 / kind))
