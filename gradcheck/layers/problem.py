"""What every calling style is turned into: variables, one forward call, one backward call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from gradcheck.layers.widened import Widened
from gradcheck.report import Finding
from gradcheck.state import Slot, Snapshot

__all__ = ["FirstCall", "Gradients", "Problem", "Variable"]


@dataclass
class Variable:
    """An array that the output may depend on.

    ``array`` is the user's own object (found again by identity wherever it is reachable). A Python or NumPy
    scalar has no identity to go by: then ``slots`` names the places that hold it and ``array`` is a 0-d array.
    """

    name: str
    array: np.ndarray[Any, Any]
    role: Literal["input", "parameter"]
    gradient: str
    differentiated: bool = True
    reason: str = ""
    slots: tuple[Slot, ...] = ()
    is_bfloat16: bool = False
    """It was given in bfloat16; NumPy has none, and ``array`` is of float32."""


@dataclass
class Gradients:
    """What the user's backward gave, untouched: one value (or None) a variable, and what was wrong with the set."""

    values: dict[str, object]
    faults: list[Finding] = field(default_factory=list)


@dataclass
class FirstCall:
    """What the very first forward and backward gave, while the calling style was learnt: copies of all of it."""

    outputs: list[np.ndarray[Any, Any]]
    upstreams: list[np.ndarray[Any, Any]]
    gradients: dict[str, object]


class Problem(ABC):
    """One layer or network in the terms of the engine.

    ``roots`` is everything user code can reach: callables, objects, and the mutable containers that hold the
    arguments. The engine changes arrays by changing what stands in those slots, then calls ``forward``.
    """

    subject: str
    style: str
    variables: list[Variable]
    roots: list[object]
    notes: list[str]
    upstream: Literal["any", "one"] = "any"
    calls_backward: bool = True
    """False where gradients at hand are given and there is no backward to call."""
    updates: bool = False
    """Backward changes the weights; the gradients are taken from the change."""
    moves_parameters: bool = False
    """Backward changes the parameters as well as giving their gradients; they are put back after each call."""
    learning_rate: float | None = None
    """The step of that update."""
    remembered: Snapshot | None = None
    """What ``roots`` reach, as it is to be left, where it was looked through already."""
    first: FirstCall | None = None
    """The first call, where it was made with the seed and the upstream gradient of the check, and left no trace."""
    seconds: float | None = None
    """How long the first forward took, where that was looked at."""
    keeps_state_elsewhere: bool = False
    """Functions whose backward takes the upstream gradient only: what it needs is kept in a global or a closure."""

    widened: Widened | None = None
    """The arrays of bfloat16 that stand as float32 until the check is over, where there are any."""

    def hold(self, widened: Widened) -> None:
        """Take charge of arrays that stand as float32; the variables among them say so."""
        self.widened = widened
        for v in self.variables:
            v.is_bfloat16 = v.is_bfloat16 or id(v.array) in widened.held

    @abstractmethod
    def forward(self) -> tuple[object, ...]:
        """Call the user's forward once with what stands in the slots; return its differentiable outputs."""

    @abstractmethod
    def backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Gradients:
        """Call the user's backward for the last forward."""

    def let_go(self) -> None:
        """Drop what is kept of the last forward: it may be as large as all the inputs together."""
        return

    def left_at_default(self) -> Mapping[str, Any]:
        """What the forward's signature gives a value and the caller none, by name."""
        return {}

    def parameters_after(self) -> Mapping[str, np.ndarray[Any, Any]]:
        """The parameters that the last backward moved, as it left them; none where it moves none."""
        return {}

    def close(self) -> None:
        """Put back what adapting had to leave changed for the check (parameters made by a first forward)."""
        return
