"""One way to be wrong: a change to the reference, and how to say and mend it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.report import Where

if TYPE_CHECKING:
    from gradcheck.causes.case import Case
    from gradcheck.causes.gate import Change

__all__ = ["Array", "Candidate", "Gradients", "Sized", "Transform"]

Array = np.ndarray[Any, Any]
Gradients = Mapping[str, Array]
Transform = Callable[["Case", str, Array], "Array | None"]


@dataclass(frozen=True, eq=False)
class Sized:
    """A factor that may stand for a size."""

    times: float
    meaning: str
    """The size in words, as the title has it; empty where it stands for none."""
    at: Callable[[Case], float | None]
    """The factor in another case; None where there is none."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A hypothesis: what is changed in the reference, described so that it can be made again on another case.

    Exactly one of the three is given: ``changes`` (of derivatives behind the operations of the forward, by the gate's
    number), ``transform`` (of one gradient array, the last step), or ``evaluate`` (the gradients at other values, of
    another forward). Each returns None where it has no meaning.
    """

    code: str
    title: str
    """What is wrong, after the names of the gradients: "is the negative of the true gradient", "lacks ..."."""
    names: tuple[str, ...]
    """The arrays whose gradients it may change."""
    changes: Callable[[Case], Mapping[int, Change] | None] | None = None
    transform: Transform | None = None
    evaluate: Callable[[Case], Gradients | None] | None = None
    where: Where | None = None
    detail: tuple[str, ...] = ()
    """What yours does, and what is wanted."""
    help: tuple[str, ...] = ()
    short: str = ""
    """How it is called where it is ruled out."""
    is_remark: bool = False
    """It describes the difference exactly, and has no known reason."""
    is_odd: bool = False
    """It fits with a factor that stands for nothing."""
    size: Sized | None = None
    """What its factor may stand for."""
    cost: float = 1.0
    """How far-fetched it is: decides among those that explain equally much."""

    @property
    def called(self) -> str:
        """How it is called where it is ruled out."""
        return self.short or self.title
