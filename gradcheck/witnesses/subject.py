"""What the engine asks of anything it checks, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from gradcheck.layers.neutral import Neutral
from gradcheck.layers.problem import FirstCall, Variable
from gradcheck.report import Finding, Leak
from gradcheck.state import Slot

__all__ = ["Array", "Drawing", "Gradient", "Precision", "Reference", "Repeated", "Subject", "Values", "Yours"]

Array = np.ndarray[Any, Any]
Values = Mapping[str, Array]
Gradient = dict[str, Array | None] | Exception
Drawing = Callable[[list[Array]], list[Array]]
Precision = Literal["float64", "native"]


@dataclass
class Yours:
    """What the user's forward and backward gave, and what they did to the arrays they were handed."""

    outputs: list[Array]
    gradients: dict[str, Array | None]
    raw: dict[str, object]
    faults: list[Finding] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    upstreams: list[Array] = field(default_factory=list)


@dataclass
class Reference:
    """What autograd gave. ``gradients`` is None when the forward could not be followed; ``failure`` says why."""

    outputs: list[Array]
    gradients: dict[str, Array] | None
    leaks: list[Leak] = field(default_factory=list)
    branches: object = None
    failure: str = ""


@dataclass
class Repeated:
    """The first call, confirmed by more; ``elsewhere`` is what the forward gave at the other values, if near."""

    yours: Yours
    elsewhere: list[Array]


class Subject(ABC):
    """A forward and a backward that can be evaluated at any values, each time from the same state and seed."""

    name: str
    style: str
    notes: list[str]
    variables: list[Variable]
    upstream: Literal["any", "one"]
    counts: dict[str, int]
    witnesses: Literal["three", "two"] = "three"
    """Two where yours *is* autograd: a module of plain torch operations."""

    @abstractmethod
    def values(self) -> dict[str, Array]:
        """The values of the differentiated variables as the user gave them (copies)."""

    @abstractmethod
    def forward(self, values: Values, spare: Collection[str] = ()) -> list[Array]:
        """The outputs of the user's forward at ``values``; those named in ``spare`` may be used up."""

    @abstractmethod
    def yours(self, values: Values, upstreams: Sequence[Array] | Drawing) -> Yours:
        """The user's forward and backward at ``values``; upstream gradients may be drawn once the outputs are known."""

    def repeated(
        self,
        other: Values,  # noqa: ARG002
        values: Values,  # noqa: ARG002
        scales: Sequence[float],  # noqa: ARG002
        near: bool = False,  # noqa: ARG002
    ) -> Repeated | None:
        """The first call at ``values`` (see :attr:`first`), where all that follows it is as it should be; else None.

        That is, after a forward at ``other`` and one more at ``values``, a backward for each of ``scales`` times the
        upstream gradients gives so many times what the first gave, and nothing was written to. Powers of two scale
        without rounding: where ``other`` is so ``near`` that something kept of it changes little, the answers must be
        these very numbers.
        """
        return None

    @abstractmethod
    def autograd(self, values: Values, upstreams: Sequence[Array], precision: Precision = "float64") -> Reference:
        """The same forward differentiated by PyTorch."""

    @abstractmethod
    def sequence(self, steps: Sequence[tuple[Values, Sequence[Sequence[Array]]]]) -> list[list[Gradient]]:
        """Forward, then one or more backward calls, at several values one after another with nothing restored between.

        A call that raises gives the exception in place of its gradients, and ends the sequence.
        """

    def beside_another(self, values: Values, upstreams: Sequence[Array]) -> Gradient | None:  # noqa: ARG002
        """The gradients when a second layer of the same make runs its forward in between; None if none can be made."""
        return None

    def in_own_dtypes(self, values: Values, upstreams: Sequence[Array]) -> Yours | None:  # noqa: ARG002
        """Yours once more in the dtypes that the arrays were given in, where NumPy has no such (bfloat16); else None.

        Everything else is asked with float32 in their place.
        """
        return None

    def draws_in_backward(self, values: Values, upstreams: Sequence[Array]) -> bool:  # noqa: ARG002
        """Whether the backward draws random numbers of its own."""
        return False

    def neutral_scalars(self) -> list[Neutral]:
        """The numbers that are exactly 0 or 1, among what the user gives a name: arguments, options, attributes."""
        return []

    def altered(self, slot: Slot, value: object) -> AbstractContextManager[None]:  # noqa: ARG002
        """``value`` stands in ``slot`` in all evaluations meanwhile."""
        return nullcontext()

    def gradient_rounding(self, name: str) -> float:  # noqa: ARG002
        """The 2-norm of the rounding error in a gradient that was not computed but taken from an update; else 0."""
        return 0.0

    def wanted(self) -> list[Variable]:
        """The variables whose gradients are compared."""
        return [v for v in self.variables if v.differentiated]

    first: FirstCall | None = None
    """The forward and backward that were called while the calling style was learnt, where they can be used."""
    repeatable: bool = True
    """False where a backward changes the weights, so that a second call must give another answer."""
    moves_parameters: bool = False
    """Backward changes the parameters as well; they are put back after each call."""
    keeps_state_elsewhere: bool = False
    calls_backward: bool = True
    """False where gradients at hand are given, for one upstream gradient, and there is no backward to call."""
    truth: Literal["autograd", "reference"] = "autograd"
    """What the second witness differentiates: the user's own forward, or a function named as the truth."""

    @abstractmethod
    def restore(self) -> None:
        """Leave everything of the user's as it was before the check."""
