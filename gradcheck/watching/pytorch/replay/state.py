"""What a forward needs to be run again as it was: buffers, attributes that it changes, random state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from gradcheck.state import State

__all__ = ["Keeper", "Kept", "untouched"]

_LEARNING = 3  # forwards in which to find out what a forward changes
_LARGEST = 1 << 20  # entries of a buffer that is copied before it is known to change
_CUDA = torch._C._has_cuda
_BASE = frozenset(vars(nn.Module()))

Slot = tuple[dict[str, Any], str]


class Kept:
    """The state at the beginning of one forward."""

    __slots__ = ("_generators", "_numpy", "_python", "_torch", "copies", "held")

    def __init__(self, numpy: bool, python: bool, generators: list[torch.Generator]) -> None:
        self.copies: list[tuple[Slot, torch.Tensor]] = []  # tensors that the forward writes into
        self.held: list[tuple[Slot, Any]] = []  # attributes that it binds anew
        self._torch: list[tuple[torch.Generator, torch.Tensor]] = [(g, g.get_state()) for g in generators]
        self._numpy = np.random.get_state() if numpy else None
        self._python = random.getstate() if python else None

    def rewind_random(self) -> None:
        """Set the random generators to what they were."""
        for generator, state in self._torch:
            generator.set_state(state)
        if self._numpy is not None:
            np.random.set_state(self._numpy)
        if self._python is not None:
            random.setstate(self._python)

    def rewind_attributes(self) -> None:
        """Put copies of the old tensors, and the old values, in the module's attributes."""
        for (namespace, name), value in self.held:
            namespace[name] = value
        for (namespace, name), tensor in self.copies:
            namespace[name] = tensor.clone()


class Keeper:
    """Keeps the state at each forward's beginning. What never changes is not kept, once that is known.

    Attributes:
        learning: Whether it is being found out.
    """

    learning = True

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._forwards = 0
        self._written: dict[tuple[int, str], Slot] = {}
        self._bound: dict[tuple[int, str], Slot] = {}
        self._numpy = self._python = False
        self._seen: tuple[list[tuple[Slot, Any, int]], Any, Any, list[tuple[Slot, torch.Tensor]]] | None = None
        self._own = [value for module in model.modules() for value in vars(module).values()]
        self._own = [value for value in self._own if isinstance(value, torch.Generator)]

    def keep(self) -> Kept:
        """Call when a forward begins."""
        generators = [torch.default_generator, *self._own]
        if _CUDA and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # PyTorch's own is not annotated
            generators += torch.cuda.default_generators
        kept = Kept(self._numpy or self.learning, self._python or self.learning, generators)
        if self.learning:
            slots = [((namespace, name), namespace[name]) for namespace, name in self._slots()]
            self._seen = (
                [(slot, value, value._version if isinstance(value, torch.Tensor) else 0) for slot, value in slots],
                kept._numpy,
                kept._python,
                kept.copies,
            )
            for slot, value in slots:
                if isinstance(value, torch.Tensor) and value.numel() <= _LARGEST:
                    kept.copies.append((slot, value.detach().clone()))
                else:
                    kept.held.append((slot, value))
            return kept
        if self._bound:
            kept.held = [((d, k), d.get(k)) for d, k in self._bound.values()]
        if self._written:
            there = [(slot, slot[0].get(slot[1])) for slot in self._written.values()]
            kept.copies = [(s, (b.detach() if b.requires_grad else b).clone()) for s, b in there if b is not None]
        return kept

    def learn(self) -> None:
        """Call when a forward has ended."""
        self._forwards += 1
        self.learning = self._forwards < _LEARNING
        if self._seen is None:
            return
        slots, numpy_before, python_before, copies = self._seen
        self._seen = None
        for slot, before, version in slots:
            namespace, name = slot
            if namespace.get(name) is not before:
                self._bound[id(namespace), name] = slot
            elif isinstance(before, torch.Tensor) and before._version != version:
                self._written[id(namespace), name] = slot
        for slot, copy in copies:  # batch norm writes without counting it
            namespace, name = slot
            now = namespace.get(name)
            if isinstance(now, torch.Tensor) and not (now.shape == copy.shape and torch.equal(now, copy)):
                self._written[id(namespace), name] = slot
        state: Any = np.random.get_state()
        self._numpy |= not (state[2] == numpy_before[2] and np.array_equal(state[1], numpy_before[1]))
        self._python |= random.getstate() != python_before

    def _slots(self) -> Iterator[Slot]:
        for module in self._model.modules():
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    yield module._buffers, name
            for name, value in vars(module).items():
                if name not in _BASE and not isinstance(value, nn.Module):
                    yield vars(module), name


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Whatever a block does to attributes, closures, globals, random state: afterwards it is as it was.

    Tensors are left alone: who runs the model again puts copies in the place of those that a forward writes into.
    """
    hooks = [
        hook
        for module in model.modules()
        for table in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
        for hook in table.values()
    ]
    state = State(model, *hooks)
    state.tensors.clear()
    snapshot = state.snapshot()
    try:
        yield
    finally:
        snapshot.restore()
