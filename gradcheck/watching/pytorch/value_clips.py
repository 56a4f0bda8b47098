"""Calls that bound the values of a forward: where, at what, and how many entries they hold there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from gradcheck.health.sample import ValueClip
from gradcheck.watching.pytorch.calls import Call

__all__ = ["BOUNDING", "ValueClips"]

_T = torch.Tensor
_BOTH: tuple[Callable[..., Any], ...] = (
    torch.clamp, torch.clamp_, torch.clip, torch.clip_, _T.clamp, _T.clamp_, _T.clip, _T.clip_,
    functional.hardtanh, functional.hardtanh_,
)  # fmt: skip
_LOW: tuple[Callable[..., Any], ...] = (
    torch.clamp_min, torch.clamp_min_, _T.clamp_min, _T.clamp_min_,
    torch.maximum, torch.fmax, torch.max, _T.maximum, _T.fmax, _T.max,
)  # fmt: skip
_HIGH: tuple[Callable[..., Any], ...] = (
    torch.clamp_max, torch.clamp_max_, _T.clamp_max, _T.clamp_max_,
    torch.minimum, torch.fmin, torch.min, _T.minimum, _T.fmin, _T.min,
)  # fmt: skip
BOUNDING = {
    **dict.fromkeys(_BOTH, "both"),
    **dict.fromkeys(_LOW, "low"),
    **dict.fromkeys(_HIGH, "high"),
    functional.relu6: "relu6",
}


class ValueClips:
    """Collects them in a sampled step, those that a gradient flows through."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], ValueClip] = {}

    def forget(self) -> None:
        """Begin a new step."""
        self._found = {}

    def samples(self) -> list[ValueClip]:
        """One for each place, all its calls together."""
        return list(self._found.values())

    def heard(self, call: Call, layer: str) -> None:
        """A call of the forward; ``layer`` is the last layer before it."""
        how = BOUNDING.get(call.function)
        result = call.result
        if how is None or not isinstance(result, torch.Tensor) or not result.requires_grad:
            return
        low, high = _bounds(how, call)
        if (low is None and high is None) or (how == "low" and low == 0.0 and high is None):
            return  # a maximum with 0 is a ReLU
        # From the output: what is done in place has no input any more.
        y = result.detach()
        at_low = int((y <= low).sum()) if low is not None else 0
        at_high = int((y >= high).sum()) if high is not None else 0
        name = getattr(call.function, "__name__", str(call.function))
        place = call.place
        key = (name, place and place.code, place and place.instruction, layer if place is None else "")
        before = self._found.get(key)
        if before is None:
            where = place.where if place is not None else None
            # PyTorch's derivative of each of these is 0 outside of the bounds.
            before = ValueClip(name, where, 0, 0, 0, low, high, layer, same_mask=True)
            self._found[key] = before
        before.entries += y.numel()
        before.at_low += at_low
        before.at_high += at_high


def _bounds(how: str, call: Call) -> tuple[float | None, float | None]:
    args, kwargs = call.args[1:], call.kwargs
    if how == "relu6":
        return 0.0, 6.0
    if how == "both":
        names = (
            ("min_val", "max_val") if call.function in (functional.hardtanh, functional.hardtanh_) else ("min", "max")
        )
        default = (-1.0, 1.0) if names[0] == "min_val" else (None, None)
        low, high = (_number(args[i] if len(args) > i else kwargs.get(names[i], default[i])) for i in (0, 1))
        return low, high
    bound = _number(args[0] if args else kwargs.get("other", kwargs.get("min", kwargs.get("max"))))
    first = _number(call.args[0]) if call.args else None
    if bound is None and first is not None and isinstance(call.args[0], torch.Tensor):
        bound = first  # torch.maximum(floor, x)
    return (bound, None) if how == "low" else (None, bound)


def _number(bound: object) -> float | None:
    """A bound that is a number, or a constant tensor with one entry."""
    if isinstance(bound, bool) or bound is None:
        return None
    if isinstance(bound, int | float):
        return float(bound.detach()) if isinstance(bound, torch.Tensor) else float(bound)
    if isinstance(bound, torch.Tensor) and bound.numel() == 1 and not bound.requires_grad:
        return float(bound.detach()) if isinstance(bound, torch.Tensor) else float(bound)
    return None
