"""The optimizers that move a module's parameters: as they were given, or as they are met when they step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import nn

__all__ = ["Optimizers"]


class Optimizers:
    """Knows whose step is a step of this training.

    Attributes:
        all: Those that are known until now.
        given: Whether the user has named them: then there are no others.
    """

    def __init__(self, given: Sequence[torch.optim.Optimizer], parameters: Mapping[str, nn.Parameter]) -> None:
        self.all: list[torch.optim.Optimizer] = list(given)
        self.given = bool(given)
        self._parameters = parameters
        self._joined: int | None = None  # one that others went before, until it has stepped

    def know(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether it is one of them; one that moves a parameter is from now on, where none were given."""
        for known in self.all:
            if known is optimizer:
                return True
        if self.given or not self.moved_by(optimizer):
            return False
        self._joined = id(optimizer) if self.all else None
        self.all.append(optimizer)
        return True

    def counted(self, optimizer: int, fresh: bool) -> set[int]:
        """Its id, where its step belongs to the training step that is being made; else nothing.

        Nobody knew of an optimizer before its first step: the training step that it belongs to was over by then, if
        the next one is still ``fresh``, without a forward or a backward.
        """
        late, self._joined = self._joined == optimizer and fresh, None
        return set() if late else {optimizer}

    def moved_by(self, optimizer: torch.optim.Optimizer) -> dict[str, nn.Parameter]:
        """The parameters that it moves."""
        own = {id(p) for group in optimizer.param_groups for p in group["params"]}
        return {name: p for name, p in self._parameters.items() if id(p) in own}

    def looked_at_with(self, optimizer: torch.optim.Optimizer) -> Mapping[str, nn.Parameter]:
        """The parameters whose gradients are complete when it steps: all, where it is the only one."""
        return self._parameters if len(self.all) == 1 else self.moved_by(optimizer)

    def have_stepped(self, stepped: Collection[int]) -> bool:
        """Whether all of them are among these, by id."""
        return len(stepped) == len(self.all) == 1 or all(id(optimizer) in stepped for optimizer in self.all)

    @property
    def maximize(self) -> bool:
        """Whether the loss is meant to rise."""
        return any(group.get("maximize") for optimizer in self.all for group in optimizer.param_groups)
