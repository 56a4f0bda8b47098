"""What of a program's calls is not worth telling."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import nn

from gradcheck.watching.pytorch.calls import CallMode

__all__ = ["Hearing"]

_ZEROING = frozenset(
    getattr(f, "__wrapped__", f).__code__ for f in (torch.optim.Optimizer.zero_grad, nn.Module.zero_grad)
)


class Hearing(CallMode):
    """Does not tell of ``zero_grad`` before the first backward of a step: there is nothing that it could take away.

    It is the one call of a training loop that touches every parameter twice.

    Attributes:
        zeroing: Whether it is told of.
    """

    zeroing = False

    def _tell(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: FrameType
    ) -> None:
        if self.zeroing or frame.f_code not in _ZEROING:
            super()._tell(func, args, kwargs, result, frame)
