"""What a torch step changes beyond weights: optimizers, schedulers and scalers, remembered and put back."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import torch

from gradcheck.state import State

__all__ = ["TorchState", "optimizers_among"]


class TorchState:
    """Everything reachable from ``roots`` at the time of making: with optimizers' state and settings, too."""

    def __init__(self, *roots: object) -> None:
        self.optimizers = list(optimizers_among(State(*roots), roots))
        held = [p for o in self.optimizers for group in o.param_groups for p in group["params"]]
        self._others = list(_reachable(State(*roots), roots, _keepers()))
        # an optimizer's buffers are tensors like others: put back in place
        buffers = {
            f"the optimizer's {key} ({k})": value
            for o in self.optimizers
            for k, entry in enumerate(o.state.values())
            for key, value in entry.items()
        }
        kinds = (torch.Tensor, dict, list)
        others = [value for other in self._others for value in vars(other).values() if isinstance(value, kinds)]
        self.state = State(*roots, held, buffers, others)
        self._snapshot = self.state.snapshot()
        self._settings = [(o, dict(vars(o)), [dict(g) for g in o.param_groups], _entries(o)) for o in self.optimizers]
        self._attributes = [(other, dict(vars(other))) for other in self._others]

    def restore(self) -> None:
        """Put everything back; any number of times."""
        for optimizer, own, groups, entries in self._settings:
            _same_items(vars(optimizer), own)
            optimizer.param_groups[len(groups) :] = []
            for group, settings in zip(optimizer.param_groups, groups, strict=True):
                _same_items(group, settings)
            optimizer.state.clear()
            for parameter, entry in entries:
                optimizer.state[parameter] = dict(entry)
        for other, own in self._attributes:
            _same_items(vars(other), own)
        self._snapshot.restore()


def optimizers_among(state: State, roots: tuple[object, ...]) -> Iterator[torch.optim.Optimizer]:
    """The optimizers that a step can reach."""
    yield from _reachable(state, roots, (torch.optim.Optimizer,))


def _keepers() -> tuple[type, ...]:
    return (torch.optim.lr_scheduler.LRScheduler, torch.amp.grad_scaler.GradScaler)


def _reachable(state: State, roots: tuple[object, ...], kinds: tuple[type, ...]) -> Iterator[Any]:
    seen: set[int] = set()
    held = [slot.get() for slot in state.slots]
    for value in (*roots, *held):
        owner = value.__self__ if isinstance(value, types.MethodType) else value
        if isinstance(owner, kinds) and id(owner) not in seen:
            seen.add(id(owner))
            yield owner


def _entries(optimizer: torch.optim.Optimizer) -> list[tuple[torch.Tensor, dict[str, Any]]]:
    return [(parameter, dict(entry)) for parameter, entry in optimizer.state.items()]


def _same_items(mapping: dict[str, Any], contents: dict[str, Any]) -> None:
    mapping.clear()
    mapping.update(contents)
