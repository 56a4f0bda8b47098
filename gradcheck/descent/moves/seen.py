"""Everything that was seen of a step, for the rules that say why a parameter moved otherwise than by -lr·g."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gradcheck.descent.moves.move import Array, Move
from gradcheck.descent.moves.sequence import Step
from gradcheck.descent.moves.timeline import Timeline
from gradcheck.report import Where

__all__ = ["Cause", "Seen"]


@dataclass(frozen=True)
class Cause:
    """Why one parameter moved as it did; parameters with the same ``code`` and ``key`` make one finding.

    ``title`` says what is wrong of the parameters, whose names are put for ``{names}``, ``{verb:go,goes}`` picking the
    word for several and for one.
    """

    code: str
    severity: Literal["error", "warning", "info"]
    key: str
    title: str
    cause: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    where: Where | None = None
    likely: bool = False
    is_undecided: bool = False
    """The parameter is not wrong: what was given does not tell."""


@dataclass
class Seen:
    """One step and those after it, with ways to look closer."""

    moves: dict[str, Move]
    steps: Sequence[Step]
    from_loss: bool
    """The gradients are the true ones of the loss, not the user's own."""
    sizes: dict[str, Array]
    """Arrays that the step uses and that are no parameters, by name."""
    follow: Callable[[], Timeline | None]
    gradients_at: Callable[[Mapping[str, Array]], dict[str, Array] | None]
    """The gradients at other weights."""
    gradients_seeing: Callable[[Mapping[str, Array]], dict[str, Array] | None]
    """The gradients of a backward that meets other weights than the forward used."""
    out_of_reach: frozenset[str] = frozenset()
    """Parameters that the step cannot reach, as far as can be seen."""
    later: list[dict[str, Move]] = field(default_factory=list)
    """The moves of the steps after the first, where their gradients are known."""
    optimizer: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)

    @functools.cached_property
    def timeline(self) -> Timeline | None:
        """The step made once more and followed line by line."""
        return self.follow()
