"""A PyTorch program followed operation by operation: which of its non-finite values come from where."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, Literal

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from gradcheck.trace.sites import is_users
from gradcheck.watching.pytorch.calls import CallMode, Place
from gradcheck.watching.pytorch.replay.finite import is_finite, stored
from gradcheck.watching.pytorch.replay.tape import leaves, sequence

__all__ = ["Operation", "Origins", "Phase", "Source", "UserCalls", "memory_key", "memory_of"]

Phase = Literal["forward", "loss", "backward", "update"]
Role = Literal["input", "parameter", "buffer", "constant"]

# Operations whose business it is to write a constant: an infinity out of them is meant.
_FILLING = frozenset(
    """fill full full_like new_full scalar_tensor constant_pad_nd masked_fill index_fill masked_scatter scatter
    index_put _index_put_impl where""".split()  # noqa: SIM905  # reads better
)
_UNINITIALISED = frozenset(["empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided"])


@dataclass(slots=True)
class Operation:
    """One operation. ``inputs`` are its tensors as they were before it ran, ``memories`` where they were held.

    ``call`` is the functional call around it (``F.cross_entropy`` around a logarithm), with its arguments. For an
    operation of the backward, ``forward`` is the operation that it is the derivative of.
    """

    index: int
    name: str
    phase: Phase
    place: Place | None
    layer: str
    call: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]] | None
    arguments: tuple[Any, ...]
    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor]
    memories: list[int]
    forward: Operation | None = None
    node: str = ""
    own_backward: bool = False
    deliberate: bool = False


@dataclass(slots=True)
class Source:
    """A tensor that was not finite before anything was done with it, the ``position``-th input of ``user``."""

    index: int
    role: Role
    name: str
    user: Operation
    position: int
    deliberate: bool = False


class Origins(TorchDispatchMode):
    """Follows every operation while it is entered. Non-finite values carry the indices of where they were born.

    ``known`` names tensors by id: parameters, buffers, the model's inputs.
    """

    def __init__(self, known: Mapping[int, tuple[Role, str]], marker: CodeType, calls: UserCalls | CallMode) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # PyTorch's own is not annotated
        self.births: dict[int, Operation | Source] = {}
        self.followed: list[tuple[Operation, frozenset[int], bool]] = []
        self.phase: Phase = "loss"
        self.layers: list[str] = []
        self.place: Place | None = None  # of the entry that is replayed now, where no frame of the user's runs
        self._known = known
        self._marker = marker
        self._calls = calls
        self._clean: set[int] = set()
        self._bad: dict[int, frozenset[int]] = {}
        self._of_node: dict[int, Operation] = {}
        self._count = 0
        self._asking = False  # what we ask of a tensor is no operation of the program's

    def of(self, tensor: torch.Tensor) -> frozenset[int]:
        """Where the non-finite entries of a tensor come from; empty for a finite one."""
        found = self._bad.get(memory_of(tensor))
        return frozenset() if not found or is_finite(tensor) else found

    def enter(self, *given: Any) -> None:
        """The model is given these. What is not finite in them, and was made by no operation, is its input."""
        self._asking = True
        try:
            for tensor in leaves(given):
                for index in self._bad.get(memory_of(tensor), ()):
                    source = self.births[index]
                    if isinstance(source, Source) and source.role == "constant" and not is_finite(tensor):
                        source.role = "input"
        finally:
            self._asking = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation, and look at what it gave."""
        kwargs = kwargs or {}
        if self._asking:
            return func(*args, **kwargs)
        before, given = args, kwargs
        if func._schema.is_mutable:
            before, given = _with_copies(func, args, kwargs)
        result = func(*args, **kwargs)
        self._look(func, before, given, [*leaves(args), *leaves(kwargs)], result)
        return result

    def _look(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], originals: list[torch.Tensor], result: Any
    ) -> None:
        name = func._schema.name.partition("::")[2]
        writes = func._schema.is_mutable
        inputs = [*leaves(args), *leaves(kwargs)]
        memories = {memory_of(tensor) for tensor in originals}
        outputs = list(leaves(result))
        if writes:
            outputs = [old for old, new in zip(originals, inputs, strict=True) if old is not new]
        else:
            outputs = [out for out in outputs if memory_of(out) not in memories]
        if not outputs and name not in ("lift_fresh", "detach"):
            return  # a view
        operation = self._operation(name, args, inputs, originals)
        had: dict[int, frozenset[int]] = {}
        for k, (tensor, original) in enumerate(zip(inputs, originals, strict=True)):
            origins = self._of_input(k, tensor, original, operation)
            if origins:
                had[k] = origins
        if name in _UNINITIALISED:
            self._clean.update(map(memory_of, outputs))
            return
        bad = [out for out in outputs if not is_finite(out)]
        for out in outputs:
            self._set_clean(out)
        if not bad:
            return
        origins = frozenset().union(*had.values())
        nan = any(bool(torch.isnan(stored(out)).any()) for out in bad)
        nan_before = any(bool(torch.isnan(stored(inputs[k])).any()) for k in had)
        meant = bool(origins) and all(self.births[k].deliberate for k in origins)
        if not origins or (nan and not nan_before and meant):
            operation.deliberate = not nan and (name.rstrip("_") in _FILLING or _has_infinity((args, kwargs)))
            operation.outputs = [stored(out.detach()).clone() for out in bad]
            self.births[operation.index] = operation
            origins = frozenset([operation.index])
        else:
            self.followed.append((operation, origins, nan))
        for out in bad:
            self._clean.discard(memory_of(out))
            self._bad[memory_of(out)] = origins

    def _set_clean(self, tensor: torch.Tensor) -> None:
        memory = memory_of(tensor)
        if memory in self._bad and tensor.numel() * tensor.element_size() < stored(tensor).untyped_storage().nbytes():
            return  # only a part was written; the rest may be as it was
        self._bad.pop(memory, None)
        self._clean.add(memory)

    def _of_input(self, k: int, tensor: torch.Tensor, original: torch.Tensor, operation: Operation) -> frozenset[int]:
        memory = memory_of(original)
        if memory in self._clean:
            return frozenset()
        known = self._bad.get(memory)
        if is_finite(tensor):
            if known is None:
                self._clean.add(memory)
            return frozenset()
        if known is None:
            known = frozenset([self._source(k, original, operation)])
            self._bad[memory] = known
        return known

    def _source(self, k: int, original: torch.Tensor, operation: Operation) -> int:
        role, name = self._known.get(id(original), self._known.get(memory_key(original), ("constant", "")))
        if role == "constant" and self.phase == "loss":
            role = "input"
        values = operation.inputs[k]
        meant = not bool(torch.isnan(values).any())
        if role == "parameter":
            meant = False
        elif role == "input" and meant:  # an additive mask holds 0 and -inf
            meant = bool(((values == 0) | (values == -torch.inf)).all())
        index = self._next()
        self.births[index] = Source(index, role, name, operation, k, meant)
        return index

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _operation(
        self, name: str, args: tuple[Any, ...], inputs: list[torch.Tensor], originals: list[torch.Tensor]
    ) -> Operation:
        node = torch._C._current_autograd_node() if self.phase == "backward" else None
        frame, own = _users(sys._getframe(2), self._marker)
        place = self.place if frame is None else Place(frame.f_code, frame.f_lineno, frame.f_lasti)
        layer = self.layers[-1] if self.layers else ""
        held = [stored(tensor.detach()) for tensor in inputs]
        memories = [memory_of(tensor) for tensor in originals]
        call = self._calls.now
        operation = Operation(self._next(), name, self.phase, place, layer, call, args, held, [], memories)
        # the first operation after a node was made is the node's own; the next ones may make none
        self._of_node.setdefault(sequence() - 1, operation)
        if self.phase != "backward":
            return operation
        operation.own_backward = own
        operation.call = None  # that is torch.autograd.grad
        if node is not None:
            operation.node = node.name()
            operation.forward = self._of_node.get(node._sequence_nr())
        if operation.forward is not None:
            operation.layer = operation.forward.layer
            operation.place = place if own else operation.forward.place
        return operation


class UserCalls(TorchFunctionMode):
    """The functional call that runs now, and the tensors that the program holds, by their node in the graph."""

    def __init__(self) -> None:
        super().__init__()
        self.now: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]] | None = None
        self.tensors: dict[tuple[int, int], torch.Tensor] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Note the call, and make it."""
        kwargs = kwargs or {}
        self.note((args, kwargs))
        before, self.now = self.now, (func, args, kwargs)
        try:
            result = func(*args, **kwargs)
        finally:
            self.now = before
        self.note(result)
        return result

    def note(self, value: Any) -> None:
        """Remember the tensors in ``value`` that have a node."""
        for tensor in leaves(value):
            node = tensor.grad_fn
            if node is not None:
                self.tensors[node._sequence_nr(), tensor.output_nr] = tensor


def memory_key(tensor: torch.Tensor) -> int:
    """A key for the memory of a tensor, that is never the id of an object."""
    return -memory_of(tensor) - 1


def memory_of(tensor: torch.Tensor) -> int:
    """Which memory a tensor's entries lie in."""
    try:
        return int(stored(tensor).untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):  # a layout without a storage
        return id(tensor)


def _users(frame: FrameType | None, marker: CodeType) -> tuple[FrameType | None, bool]:
    """The user's innermost frame inside the replay, and whether there is one."""
    while frame is not None and frame.f_code is not marker:
        if is_users(frame.f_code):
            return frame, True
        frame = frame.f_back
    return None, False


def _with_copies(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with a copy of every tensor that the operation is going to overwrite."""
    written = {a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write}
    names = [a.name for a in func._schema.arguments]
    copied = tuple(_copy(a) if n in written else a for n, a in zip(names, args, strict=False))
    return copied, {name: _copy(value) if name in written else value for name, value in kwargs.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value


def _has_infinity(value: Any) -> bool:
    if isinstance(value, float):
        return value in (float("inf"), float("-inf"))
    if isinstance(value, dict):
        return _has_infinity(list(value.values()))
    return isinstance(value, tuple | list) and any(_has_infinity(item) for item in value)
