"""Steps at which all processes do something together, though only one of them has a reason to."""

from __future__ import annotations

from gradcheck.watching.pytorch.distributed.board import Board
from gradcheck.watching.sampling import Schedule

__all__ = ["Agreement", "SharedSchedule"]

_EVERY = 8  # steps from one look to the next


class Agreement:
    """Who wants something writes down at which step; everybody looks every few steps, and does it at that step.

    The step is so far away that all have looked before it: gradients are averaged at every step, so that no process is
    a whole step ahead of another. Where one is late in spite of that, it does it when it sees the note; nobody waits.
    """

    def __init__(self, board: Board, what: str) -> None:
        self._board = board
        self._what = what
        self._number = 0  # of the times that it was done
        self._at: int | None = None
        self._wanted = False

    def want(self, step: int) -> None:
        """It is to be done soon; nothing is changed where it was agreed on already."""
        if not self._wanted and self._at is None:
            self._wanted = True
            self._board.leave(self._name, (step // _EVERY + 2) * _EVERY)

    def due(self, step: int) -> bool:
        """Whether it is to be done at the end of this step. To be asked at every step."""
        if self._at is None and step % _EVERY == 0 and self._board.has([self._name]):
            found = self._board.take([self._name])
            self._at = found[0] if found else None
        if self._at is None or step < self._at:
            return False
        self._at, self._wanted = None, False
        self._number += 1
        return True

    @property
    def _name(self) -> str:
        return f"{self._what}{self._number}"


class SharedSchedule(Schedule):
    """The same steps are sampled in every process: a burst, for which only one may see a reason, is agreed on.

    Attributes:
        wanted: Whether this process has seen a reason.
    """

    def __init__(self, every: int | None = None) -> None:
        super().__init__(every)
        self.wanted = False

    def saw(self, what: str, value: float) -> None:
        """Note a number that is known at every step."""
        under_way = self._burst
        self._burst = 0
        super().saw(what, value)
        self.wanted = self.wanted or self._burst > 0
        self._burst = under_way
