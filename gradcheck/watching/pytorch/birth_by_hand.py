"""The birth of a NaN or an infinity in an update that the program makes call by call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from gradcheck.health.sample import Birth
from gradcheck.trace.sites import is_users
from gradcheck.watching.pytorch.calls import Call, CallMode
from gradcheck.watching.pytorch.replay.birth import birth_of
from gradcheck.watching.pytorch.replay.finite import is_finite
from gradcheck.watching.pytorch.replay.live import Live
from gradcheck.watching.pytorch.replay.origins import Operation, memory_of
from gradcheck.watching.pytorch.replay.tape import leaves

__all__ = ["ByHand", "is_own"]


class ByHand:
    """Follows the calls between a backward and the next forward, where no optimizer of PyTorch's moves the weights.

    One look at what each call gave; more only where it is not finite. On a GPU the program would have to wait for each
    look, so there nothing is followed.
    """

    def __init__(self, model: nn.Module, calls: CallMode) -> None:
        self._model = model
        self._found = Live(model, calls)
        self._births: dict[int, Operation] = {}
        self._origin: dict[int, int] = {}  # by memory that is not finite: where that comes from; 0 for elsewhere

    def heard(self, call: Call) -> None:
        """A call was made."""
        written = call.result is None
        for out in leaves(call.args[1:] if written and _binds(call) else call.args[:1] if written else call.result):
            if out.is_cuda:
                continue
            if is_finite(out):
                self._origin.pop(memory_of(out), None)
            else:
                self._origin[memory_of(out)] = self._traced(call, out)

    def _traced(self, call: Call, out: torch.Tensor) -> int:
        memory = memory_of(out)
        inputs = [tensor for tensor in leaves((call.args, call.kwargs)) if tensor.is_floating_point()]
        for tensor in inputs:
            known = self._origin.get(memory_of(tensor))
            if known is not None:
                if known:
                    self._found.origins.followed.append((self._operation(call, out, []), frozenset([known]), _nan(out)))
                return known
        inputs = [tensor for tensor in inputs if memory_of(tensor) != memory]  # what it was before is overwritten
        if not all(map(is_finite, inputs)):
            return 0
        operation = self._operation(call, out, inputs)
        self._births[operation.index] = operation
        return operation.index

    def _operation(self, call: Call, out: torch.Tensor, inputs: list[torch.Tensor]) -> Operation:
        return Operation(
            index=len(self._births) + 1,
            name=getattr(call.function, "__name__", ""),
            phase="update",
            place=call.place,
            layer="",
            call=(call.function, call.args, call.kwargs),
            arguments=call.args,
            inputs=[tensor.detach().clone() for tensor in inputs],
            outputs=[out.detach().clone()],
            memories=[memory_of(tensor) for tensor in inputs],
        )

    def birth(self, step: int) -> Birth | None:
        """What made the first parameter not finite; None where none is, or where it was not made here."""
        if not self._births:
            return None
        bad = dict(self._bad_parameters())
        origins = [index for index in bad.values() if index]
        if not origins:
            return None
        names = ", ".join(list(bad)[:3]) + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")
        birth = birth_of(self._found, self._births[min(origins)], step, (), "")
        self._births.clear()
        consequences = (*birth.consequences[:6], f"not finite after it: {names}")
        return replace(birth, consequences=consequences)

    def _bad_parameters(self) -> Iterator[tuple[str, int]]:
        for name, parameter in self._model.named_parameters():
            index = self._origin.get(memory_of(parameter))
            if index is not None and not is_finite(parameter):
                yield name, index


def is_own(optimizer: torch.optim.Optimizer) -> bool:
    """Whether the user wrote how this optimizer makes a step."""
    return _is_users(type(optimizer).step)


@functools.cache
def _is_users(step: Any) -> bool:
    step = inspect.unwrap(step)
    return hasattr(step, "__code__") and is_users(step.__code__)


def _binds(call: Call) -> bool:
    """``p.data = value``: what is written is the value."""
    return getattr(call.function, "__name__", "") == "__set__"


def _nan(tensor: torch.Tensor) -> bool:
    return bool(torch.isnan(tensor).any())
