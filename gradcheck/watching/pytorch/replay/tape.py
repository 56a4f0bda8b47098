"""What happened in one training step, as seen from outside the model: enough to do it again."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from gradcheck.watching.pytorch.calls import Call, Place
from gradcheck.watching.pytorch.replay.state import Kept

__all__ = ["Backward", "Forward", "FromForward", "Outside", "Result", "Tape", "leaves", "mapped", "modes", "sequence"]

_MOST_CALLS = 4000
_MOST_FORWARDS = 64

sequence: Callable[[], int] = torch._C._autograd._get_sequence_nr
_PLAIN = frozenset([type(None), bool, int, float, str, torch.dtype, torch.device])
_CONTAINERS = (tuple, list, dict)
Random = list[tuple[torch.Generator, torch.Tensor]]
Modes = tuple[bool, tuple[tuple[str, torch.dtype], ...]]


def random_states() -> Random:
    """PyTorch's own generators with their states."""
    on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # PyTorch's own is not annotated
    generators = [torch.default_generator, *(torch.cuda.default_generators if on_gpu else ())]
    return [(generator, generator.get_state()) for generator in generators]


def modes() -> Modes:
    """Whether gradients are recorded, and the autocast that is on."""
    if not torch._C._is_any_autocast_enabled():
        return torch.is_grad_enabled(), ()
    on = tuple((kind, torch.get_autocast_dtype(kind)) for kind in ("cpu", "cuda") if torch.is_autocast_enabled(kind))
    return torch.is_grad_enabled(), on


@dataclass(slots=True)
class Result:
    """In place of an argument: the ``position``-th tensor that an earlier entry gave."""

    entry: int
    position: int
    original: weakref.ref[torch.Tensor]


@dataclass(slots=True)
class FromForward:
    """In place of an argument: a tensor out of the model, named by its node's place in the order of the forward."""

    entry: int
    node: int
    output: int
    original: weakref.ref[torch.Tensor]


@dataclass(slots=True)
class Forward:
    """A call of the model."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    kept: Kept
    modes: Modes
    begin: int
    end: int = -1
    versions: list[tuple[torch.Tensor, int]] = field(default_factory=list)


@dataclass(slots=True)
class Outside:
    """A functional call outside the model. ``scalar`` is its result where that may be a loss."""

    function: Callable[..., Any]
    args: Any
    kwargs: Any
    place: Place | None
    scaling: bool
    modes: Modes
    random: Random | None = None
    scalar: torch.Tensor | None = None


@dataclass(slots=True)
class Backward:
    """A backward: of what, and with which further arguments."""

    loss: Any
    given: dict[str, Any]


Entry = Forward | Outside | Backward


@dataclass
class Tape:
    """The entries of one step, in order. It holds no result, so that no graph lives longer because of it."""

    entries: dict[int, Entry] = field(default_factory=dict)
    full: bool = False
    random: Random | None = None
    _next: int = 0
    _calls: int = 0
    _results: dict[int, tuple[int, int, weakref.ref[torch.Tensor]]] = field(default_factory=dict)
    _forwards: dict[int, Forward] = field(default_factory=dict)

    def forward_begins(self, args: tuple[Any, ...], kwargs: dict[str, Any], kept: Kept) -> None:
        """The model was called."""
        if len(self._forwards) >= _MOST_FORWARDS:
            self._drop_finished()
        only = args[0] if len(args) == 1 and not kwargs and not self.entries else None
        if type(only) is torch.Tensor:  # and nothing that a reference could be to
            forward = Forward(args, kwargs, kept, modes(), sequence())
            if only.is_leaf:
                forward.versions.append((only, only._version))
        else:
            forward = Forward(self.held(args), self.held(kwargs), kept, modes(), sequence())
            forward.versions = [(tensor, tensor._version) for tensor in leaves((args, kwargs)) if tensor.is_leaf]
        self._forwards[self._next] = forward
        self._add(forward)

    def forward_ends(self, output: Any) -> None:
        """It has returned."""
        for key, forward in self._forwards.items():
            if forward.end < 0:
                forward.end = sequence()
                if isinstance(output, torch.Tensor):
                    self._results[id(output)] = (key, 0, weakref.ref(output))
                else:
                    self._gave(key, output)

    def draw_begins(self) -> None:
        """A call that may draw random numbers is about to be made outside the model."""
        self.random = random_states()

    def call(self, call: Call) -> None:
        """A call was made outside the model."""
        if self.full:
            return
        self._calls += 1
        if self._calls > _MOST_CALLS:
            self.clear()
            self.full = True
            return
        scaling = call.caller.co_filename.endswith("grad_scaler.py")
        kwargs = self.held(call.kwargs) if call.kwargs else {}
        entry = Outside(call.function, self.held(call.args), kwargs, call.place, scaling, modes())
        entry.random, self.random = self.random, None
        result, key = call.result, self._next
        if isinstance(result, torch.Tensor):
            if result.requires_grad and result.numel() == 1:
                entry.scalar = result.detach()
            self._results[id(result)] = (key, 0, weakref.ref(result))
        else:
            self._gave(key, result)
        self.entries[key] = entry
        self._next = key + 1

    def backward_begins(self, loss: torch.Tensor, given: dict[str, Any]) -> None:
        """A backward began."""
        if given:
            given = {name: self.held(value) for name, value in given.items() if value is not None}
        self._add(Backward(self.held(loss), given))

    def pending(self) -> torch.Tensor | None:
        """The last number that could have been a loss and had no backward; None where there is none."""
        for entry in reversed(self.entries.values()):
            if isinstance(entry, Backward):
                return None
            if isinstance(entry, Outside) and entry.scalar is not None:
                return entry.scalar
        return None

    def from_scaling(self, loss: Any) -> bool:
        """Whether the loss overflowed in a gradient scaler's product, which then skips the step by itself."""
        entry = self.entries.get(getattr(loss, "entry", -1))
        return isinstance(entry, Outside) and entry.scaling

    def last_scalar(self) -> Any:
        """What :meth:`pending` found, as a reference into the tape."""
        for key, entry in reversed(self.entries.items()):
            if isinstance(entry, Outside) and entry.scalar is not None:
                return Result(key, 0, weakref.ref(entry.scalar))
        return None

    def clear(self) -> None:
        """Forget everything; the next step begins."""
        if self.entries:
            self.entries.clear()
            self._results.clear()
            self._forwards.clear()
        self._calls = 0
        self.full = False
        self.random = None

    def held(self, value: Any) -> Any:
        """``value`` with references into the tape in place of what came out of earlier entries."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if isinstance(value, torch.Tensor):
            return self._reference(value)
        if kind is tuple:
            return tuple([item if type(item) in _PLAIN else self.held(item) for item in value])
        if kind is dict:
            return {key: item if type(item) in _PLAIN else self.held(item) for key, item in value.items()}
        return mapped(value, self.held) if isinstance(value, _CONTAINERS) else value

    def _reference(self, tensor: torch.Tensor) -> Any:
        known = self._results.get(id(tensor))
        if known is not None and known[2]() is tensor:
            return Result(*known)
        node = tensor.grad_fn
        if node is not None:
            number = node._sequence_nr()
            for key, forward in reversed(self._forwards.items()):
                if forward.begin <= number and (forward.end < 0 or number < forward.end):
                    return FromForward(key, number - forward.begin, tensor.output_nr, weakref.ref(tensor))
        return tensor

    def _gave(self, key: int, result: Any) -> None:
        if isinstance(result, torch.Tensor):
            self._results[id(result)] = (key, 0, weakref.ref(result))
            return
        for position, tensor in enumerate(leaves(result)):
            self._results[id(tensor)] = (key, position, weakref.ref(tensor))

    def _add(self, entry: Entry) -> None:
        self.entries[self._next] = entry
        self._next += 1

    def _drop_finished(self) -> None:
        last = max((key for key, entry in self.entries.items() if isinstance(entry, Backward)), default=self._next)
        for key in [key for key in self.entries if key <= last]:
            del self.entries[key]
            self._forwards.pop(key, None)


def leaves(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested tuples, lists and dicts, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A container of the same kind with every item changed; anything that is no container comes back itself."""
    if isinstance(value, tuple):
        items = [change(item) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        # a named tuple's own constructor may ask something of its items (PackedSequence does), and these stand for them
        return tuple.__new__(type(value), items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [change(item) for item in value]
    if isinstance(value, dict):
        return {key: change(item) for key, item in value.items()}
    return value
