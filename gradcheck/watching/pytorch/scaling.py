"""A loss that was multiplied by a gradient scaler before its backward."""

from __future__ import annotations

import sys
from types import FrameType

import torch
from torch.amp import GradScaler

from gradcheck.watching.pytorch.calls import Call

__all__ = ["SCALING", "UNSCALE", "Scaling"]

UNSCALE = torch._amp_foreach_non_finite_check_and_unscale_  # the gradients, what was found, by what to multiply
SCALING = GradScaler.scale.__code__.co_filename  # the code that a scaler's calls come from


class Scaling:
    """Knows the scaler once it was used, what the loss was before, and whether a step was skipped."""

    def __init__(self) -> None:
        self._scaler: GradScaler | None = None
        self._scaled: torch.Tensor | None = None
        self._plain: torch.Tensor | None = None
        self._at: float | None = None

    def heard(self, call: Call) -> None:
        """Any call of the program; the product that a scaler makes is kept until the backward."""
        if call.caller.co_filename != SCALING or not isinstance(call.result, torch.Tensor):
            return
        if call.caller.co_name not in ("scale", "apply_scale") or "mul" not in getattr(call.function, "__name__", ""):
            return
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename != SCALING:
            frame = frame.f_back
        while frame is not None and not isinstance(frame.f_locals.get("self"), GradScaler):
            frame = frame.f_back
        if frame is not None:
            self._scaler = frame.f_locals["self"]
            self._scaled, self._plain = call.result, call.args[0]

    def plain(self, loss: torch.Tensor) -> torch.Tensor:
        """The loss as it was before it was scaled."""
        plain, scaled = self._plain, self._scaled
        self._plain = self._scaled = None
        if plain is None or scaled is not loss:
            return loss
        self._at = self.factor
        return plain

    @property
    def factor(self) -> float:
        """What the loss is multiplied by now."""
        return self._scaler.get_scale() if self._scaler is not None else 1.0

    @property
    def at_backward(self) -> float:
        """What the last loss was multiplied by."""
        return 1.0 if self._at is None else self._at

    def in_vain(self, call: Call) -> bool:
        """Whether this call found gradients that are not finite though they were not made larger: none will ever be."""
        if call.function is not UNSCALE or self.at_backward > 1.0:
            return False
        return bool(call.args[1].item())

    def skipped(self) -> bool:
        """Whether the scaler found infinities since the last backward, and left the step out."""
        return self._at is not None and self.factor < self._at
