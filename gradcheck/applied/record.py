"""One call of a custom Function in a running model: its arguments, the gradients it was handed, those it gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from gradcheck.report import Where
from gradcheck.state import Randomness

__all__ = ["OPERATOR", "Call", "Group"]

OPERATOR = "GeneratedBackwardFor_"
"""What PyTorch calls the Functions that it makes for operators of ``torch.library.register_autograd`` begins so."""


@dataclass(eq=False)
class Call:
    """What one call got and gave; ``args`` are copies, made before the forward could change them."""

    function: Any
    path: str
    where: Where | None
    args: tuple[Any, ...]
    needs: tuple[bool, ...]
    number: int
    """Which call of this Function by this module it is, from 1."""
    in_backward: bool
    """Whether it was made while the backward ran: a checkpoint computes its part of the forward again."""
    randomness: Randomness
    autocast: bool
    differentiable: tuple[bool, ...] = ()
    """For each tensor that it returned, whether it has a gradient."""
    upstreams: tuple[torch.Tensor | None, ...] | None = None
    """What the engine handed to the backward, one for each tensor that was returned; None where it was not called."""
    twice: bool = False
    """Whether the model differentiates the backward as well (``create_graph=True``: a gradient penalty, say)."""
    returned: tuple[torch.Tensor | None, ...] | None = None
    """What the backward gave, one for each argument that is a tensor, as the engine took it."""

    unseen: str = ""
    """Why its arguments cannot be had; empty where they are there."""

    @property
    def name(self) -> str:
        """The path of the module, and the Function's name."""
        return f"{self.path}: {self.title}"

    def gets_numbers(self) -> bool:
        """Whether all that the engine handed to the backward is finite."""
        return all(u is None or bool(torch.isfinite(u).all()) for u in self.upstreams or ())

    @property
    def title(self) -> str:
        """The Function's name; that of the operator where ``torch.library`` made the Function for one."""
        name: str = self.function.__name__
        return name.removeprefix(OPERATOR).removesuffix("_default") if name.startswith(OPERATOR) else name


@dataclass(eq=False)
class Group:
    """Calls of one Function from one line of one module, with arguments of the same kind: the first and the last."""

    kind: tuple[Any, ...]
    """What is the same for calls of this Function with such arguments in other modules."""
    count: int = 0
    recomputed: int = 0
    first: Call | None = None
    last: Call | None = None
    others: list[Call] = field(default_factory=list)
    """The first and last of those made while the backward ran."""

    def add(self, call: Call) -> None:
        """Keep the call if it is the first; else in place of the last."""
        if call.in_backward:
            self.recomputed += 1
            self.others = [*self.others[:1], call]
            return
        self.count += 1
        if self.first is None:
            self.first = call
        else:
            self.last = call

    def calls(self) -> list[Call]:
        """Those that were kept, in the order in which they were made."""
        return [c for c in (self.first, self.last, *self.others) if c is not None]

    def kept(self) -> list[Call]:
        """The calls that a gradient came through; where there is none, the first."""
        calls = self.calls()
        reached = [c for c in calls if c.upstreams is not None]
        return reached[:2] if reached else calls[:1]
