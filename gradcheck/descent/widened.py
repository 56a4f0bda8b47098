"""A torch loss in 16-bit floats, run in float32: its curvature is nothing but rounding in its own precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gradcheck.descent.torch_landscape import TorchLandscape

__all__ = ["WideLandscape", "in_float32"]

_HALF = (torch.float16, torch.bfloat16)
_ALIKE = 0.05  # of the loss: what 16 bits may make of it
_CASTS = {torch.Tensor.bfloat16, torch.Tensor.half}


def in_float32(narrow: TorchLandscape) -> TorchLandscape:
    """The same loss with every 16-bit tensor that it reaches in float32; ``narrow`` itself where that cannot be done.

    The weights are those that stand there, so that only the arithmetic is another.
    """
    if not any(t.dtype in _HALF for t in narrow.tensors.values()):
        return narrow
    value = narrow.loss(narrow.start)
    narrow.restore()
    try:
        wide = WideLandscape(narrow.call, narrow.tensors, narrow.roots, narrow.seed)
    except Exception:  # a kernel or a constant of its own that is bound to 16 bits
        return narrow
    if abs(wide.loss(wide.start) - value) <= _ALIKE * max(1.0, abs(value)):
        wide.notes.append("16-bit floats are too coarse for curvature: computed with copies in float32")
        return wide
    wide.restore()
    return narrow


class WideLandscape(TorchLandscape):
    """The tensors hold float32 copies until :meth:`restore`, and casts to 16 bits leave them as they are."""

    def __init__(
        self, call: Callable[[], Any], tensors: Mapping[str, torch.Tensor], roots: tuple[object, ...], seed: int
    ) -> None:
        def widely() -> Any:
            with _Uncast():
                return call()

        super().__init__(widely, tensors, roots, seed)

    def _prepare(self) -> None:
        self._held = [(t, t.data, t.grad) for t in self.state.state.tensors if t.dtype in _HALF]
        self._narrow = self.state
        try:
            for tensor, data, _ in self._held:
                tensor.grad = None
                tensor.data = data.float()
            self.state = self._remembered()  # what stands there now is what each evaluation starts from
        except BaseException:
            self.restore()
            raise
        self.epsilon = float(torch.finfo(torch.float32).eps)

    def restore(self) -> None:
        if self.state is not self._narrow:
            self.state.restore()
        for tensor, data, grad in self._held:
            tensor.grad = None  # of the other dtype it would be refused
            tensor.data = data
            tensor.grad = grad
        self._narrow.restore()
        self._ask_as_before()


class _Uncast(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _CASTS:
            return args[0].float()
        wide = [torch.float32 if isinstance(a, torch.dtype) and a in _HALF else a for a in args]
        named = {
            k: torch.float32 if isinstance(v, torch.dtype) and v in _HALF else v for k, v in (kwargs or {}).items()
        }
        return func(*wide, **named)
