"""What of a program's calls is not worth telling, and when there is nothing worth hearing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import nn

from gradcheck.watching.pytorch.calls import CallMode
from gradcheck.watching.pytorch.kinds import FUNCTIONS
from gradcheck.watching.pytorch.output import LOSSES
from gradcheck.watching.pytorch.value_clips import BOUNDING

__all__ = ["HEARD_INSIDE", "Hearing"]

HEARD_INSIDE = frozenset(FUNCTIONS) | frozenset(BOUNDING) | LOSSES
"""The functions that are told of inside of a forward: what a sample is made of."""

_OF_OPTIMIZERS, _OF_MODULES = (
    inspect.unwrap(f).__code__ for f in (torch.optim.Optimizer.zero_grad, nn.Module.zero_grad)
)

# These move entries and compute nothing: no NaN is born in them. What they make of a batch is as good as the batch.
_MOVING = frozenset(
    [
        "to", "view", "reshape", "flatten", "squeeze", "unsqueeze", "permute", "transpose", "contiguous", "stack",
        "cat", "cpu", "cuda", "pin_memory", "long", "__getitem__", "detach", "clone", "tensor", "as_tensor", "tolist",
        "item",
    ]
)  # fmt: skip
_LEARNING = 3


class Hearing(CallMode):
    """Does not tell of ``zero_grad`` before the first backward of a step: there is nothing that it could take away.

    It is the one call of a training loop that touches every parameter twice. And it costs as much to hear it and not to
    tell: so once it is known that a program makes no other call between the end of a step and the next forward, it is
    not listened to there.

    Attributes:
        zeroing: Whether it is told of.
        between: Whether what is told now comes after the end of a step and before the next forward.
    """

    zeroing = False
    between = False

    def __init__(self) -> None:
        super().__init__()
        self._steps = 0
        self._busy = False

    def worthwhile(self) -> bool:
        """A step has ended, and the next one begins: whether to listen until its forward."""
        self._steps += 1
        return self._busy or self._steps <= _LEARNING

    def _tell(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: FrameType
    ) -> None:
        if not self.zeroing and (frame.f_code is _OF_OPTIMIZERS or frame.f_code is _OF_MODULES):
            return
        if self.between and not self._busy:
            new = isinstance(result, torch.Tensor) and result.requires_grad
            self._busy = new or getattr(func, "__name__", "") not in _MOVING
        super()._tell(func, args, kwargs, result, frame)
