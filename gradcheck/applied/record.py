"""One call of a custom Function in a running model: its arguments, the gradients it was handed, those it gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import torch

from gradcheck.report import Where
from gradcheck.state import Randomness

__all__ = ["BETWEEN", "OPERATOR", "Call", "Group"]

BETWEEN = 2
"""How many calls are drawn from between the first and the last of those that differ in values alone."""

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
class _Repeated:
    """Calls that differ in values alone: the first, the last, and a few from between, drawn."""

    random: Random
    count: int = 0
    first: Call | None = None
    last: Call | None = None
    between: list[Call] = field(default_factory=list)

    def add(self, call: Call) -> None:
        """Keep it in place of the last one, which may have been drawn."""
        self.count += 1
        if self.first is None:
            self.first = call
            return
        if self.last is not None:
            self._draw(self.last, self.count - 2)
        self.last = call

    def _draw(self, call: Call, place: int) -> None:
        """Each of those between is as likely to be kept as any other (Vitter, 1985, algorithm R)."""
        if len(self.between) < BETWEEN:
            self.between.append(call)
        elif (at := self.random.randrange(place)) < BETWEEN:
            self.between[at] = call

    @property
    def ends(self) -> list[Call]:
        return [c for c in (self.first, self.last) if c is not None]


@dataclass(eq=False)
class Group:
    """Calls of one Function from one line of one module, with arguments of the same kind."""

    kind: tuple[Any, ...]
    """What is the same for calls of this Function with such arguments in other modules."""
    seed: int = 0

    def __post_init__(self) -> None:
        self._forward = _Repeated(Random(self.seed))
        self._again = _Repeated(Random(self.seed))
        """Those made while the backward ran."""

    @property
    def count(self) -> int:
        """How many calls there were, without those that were made again."""
        return self._forward.count or self._again.count

    def add(self, call: Call) -> None:
        """Keep the call, for a time at least."""
        (self._again if call.in_backward else self._forward).add(call)

    def calls(self) -> list[Call]:
        """Those that are kept: the first, the last, then those from between."""
        both = self._forward, self._again
        return [c for some in both for c in some.ends] + [c for some in both for c in some.between]

    def kept(self) -> list[Call]:
        """The calls that a gradient came through: two ends and some from between; where there is none, the first."""
        reached = [c for c in self.calls() if c.upstreams is not None]
        ends = [c for c in reached if any(c in some.ends for some in (self._forward, self._again))][:2]
        between = sorted((c for c in reached if c not in ends), key=lambda call: call.number)
        return [*ends, *between[:BETWEEN]] if reached else self.calls()[:1]
