"""The messages of all processes, taken by the first of them as they come."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from gradcheck.errors import UnhealthyTraining
from gradcheck.health.monitor import Monitor
from gradcheck.health.processes import ranks_listed
from gradcheck.health.sample import Sample
from gradcheck.report import Finding
from gradcheck.watching.pytorch.distributed.births import Births
from gradcheck.watching.pytorch.distributed.board import STORE_GONE, Board
from gradcheck.watching.pytorch.distributed.group import Group
from gradcheck.watching.pytorch.distributed.messages import End, Message
from gradcheck.watching.pytorch.distributed.numbers import Outline
from gradcheck.watching.pytorch.distributed.reduce import Part, mean_of, together

__all__ = ["PATIENCE", "Collector"]

PATIENCE = 2.0  # seconds that the first process waits for the others at the end of its watch, and only there
_READING = 1.0  # seconds that it waits for them to read its verdict: the store may be gone with its process
_LATE_STEPS, _LATE_SECONDS = 16, 5.0  # after both a message will not come any more
_SETTLED = 2  # steps after which every process has told of a birth
_MOST_PENDING = 64


@dataclass
class _Pending:
    """A step that this process has told of, and not all others yet."""

    own: Message
    since: float = field(default_factory=time.monotonic)
    looks: int = 0


class Collector:
    """Puts the messages of a step together once they are there, and has ``whole`` judge it. It waits for nobody.

    Attributes:
        births: What was found of non-finite values.
        local: By rank, what the rules found in that process's own statistics.
        latest: The last sample that was put together.
    """

    def __init__(self, group: Group, board: Board, whole: Monitor, observe: Callable[[Sample], None]) -> None:
        self.births = Births(len(group.ranks))
        self.local: dict[int, tuple[Finding, ...]] = {}
        self.latest: Sample | None = None
        self._group, self._board, self._whole, self._observe = group, board, whole, observe
        self._others = [rank for rank in group.ranks if rank != group.own]
        self._pending: deque[_Pending] = deque()
        self._outlines: dict[int, Outline] = {}
        self._taken: dict[int, int] = dict.fromkeys(self._others, 0)  # births
        self._last: dict[int, int] = {}  # the step of the last message
        self._expected = 0  # the last step of which all processes tell
        self._ends: dict[int, End] = {}
        self._silent: set[int] = set()
        self._here: set[int] = set()
        self._unseen: dict[str, set[int]] = {}

    def own(self, message: Message, last: bool = False) -> None:
        """This process's own message; ``last``: that of the end of its watch."""
        self._pending.append(_Pending(message))
        if not last:
            self._expected = message.step

    def collect(self, step: int, final: bool = False) -> None:
        """Put together what has come; ``final``: and do not wait for the rest any more."""
        while self._pending:
            pending = self._pending[0]
            if not final and pending.own.step >= step:  # the others are about to come to the end of this step
                break
            messages = self._messages(pending, step, final)
            if messages is None:
                break
            self._pending.popleft()
            self._put_together(messages)
        if self.births.first is not None and (final or step >= self.births.first + _SETTLED):
            self.take_births()
            for birth in self.births.new():
                self._whole.birth(birth)

    def take_births(self) -> None:
        """Those that other processes have found until now."""
        for rank in self._others:
            while self._board.has([name := f"birth{self._taken[rank]}/{rank}"]):
                for birth in self._board.take([name]):
                    self.births.add(rank, birth)
                self._taken[rank] += 1

    def finish(self, steps: int, wait: bool) -> None:
        """This process's watch has ended after so many steps; ``wait`` a little for the others to end as well."""
        open_ = [rank for rank in self._others if rank not in self._ends]
        self._here.update(rank for rank in open_ if self._board.has([f"here/{rank}"]))
        awaited = [f"end/{rank}" for rank in open_ if rank in self._here]
        if wait and awaited:
            self._board.wait(awaited, PATIENCE)
        self._look_for_ends(open_)
        self.collect(steps, final=True)
        self.take_births()
        for birth in self.births.new():
            self._whole.birth(birth)

    def see_off(self) -> None:
        """Let the processes that have ended as well read the verdict, before this one and the store with it may go."""
        reading = [rank for rank, end in self._ends.items() if end.error in ("", UnhealthyTraining.__name__)]
        if reading:
            self._board.wait([f"read/{rank}" for rank in reading], _READING)

    def remarks(self, steps: int) -> tuple[str, ...]:
        """Who was not there to the end, and what single processes could not see."""
        told = []
        for sentence, ranks in self._unseen.items():
            everywhere = len(ranks) == len(self._group.ranks)
            told.append(sentence if everywhere else f"{ranks_listed(sorted(ranks))}: {sentence}")
        lost = self._board.lost
        unheard = [rank for rank in self._others if lost and rank not in self._ends]
        for rank in self._others:
            if rank not in unheard:
                told += filter(None, [self._remark(rank, steps)])
        if unheard:  # what became of them is not known
            since = min(self._last.get(rank, -1) for rank in unheard)
            after = f" after step {since}" if since >= 0 else ""
            told.append(f"{ranks_listed(unheard)} could not be heard{after}: {STORE_GONE.format(lost)}")
        return tuple(told)

    def _remark(self, rank: int, steps: int) -> str:
        end, last = self._ends.get(rank), self._last.get(rank)
        if end is not None:
            by_error = bool(end.error) and end.error != UnhealthyTraining.__name__  # all raise that together
            if end.steps > steps:
                return f"rank {rank} went on to step {end.steps}, after rank {self._group.own} had ended"
            if end.steps == steps and not by_error:
                return ""
            others = "; what follows is of the others" if end.steps < steps else ""
            return f"rank {rank} stopped at step {end.steps}{f' by {end.error}' if by_error else ''}{others}"
        if last is None:
            why = "" if rank in self._here else ": it was not watched, or did not reach the store"
            return f"nothing was heard of rank {rank}{why}"
        if last >= min(self._expected, steps - 1):
            return f"rank {rank} had not ended when rank {self._group.own} did, after {steps} steps"
        return f"nothing was heard of rank {rank} after step {last}"

    def _messages(self, pending: _Pending, step: int, final: bool) -> list[Message] | None:
        """Of all processes that have one for this step; None where it is worth to look again later."""
        at = pending.own.step
        awaited = [rank for rank in self._others if rank not in self._silent and not self._gone(rank, at)]
        if awaited and not self._there(awaited, at):
            pending.looks += 1
            late = step - at > _LATE_STEPS and time.monotonic() - pending.since > _LATE_SECONDS
            late = late or final or len(self._pending) > _MOST_PENDING
            if not late and pending.looks % 8 != 2:  # the first look may come a moment too early
                return None
            absent = [rank for rank in awaited if not self._there([rank], at)]
            self._look_for_ends(absent)
            absent = [rank for rank in absent if not self._gone(rank, at)]
            if absent and not late:
                return None
            self._silent.update(absent)
            awaited = [rank for rank in awaited if not self._gone(rank, at) and rank not in self._silent]
        back = [rank for rank in self._silent if self._there([rank], at)]
        self._silent.difference_update(back)
        found = self._board.take([f"step{at}/{rank}" for rank in (*awaited, *back)])
        return sorted([pending.own, *found], key=lambda message: message.rank)

    def _there(self, ranks: Collection[int], step: int) -> bool:
        return self._board.has([f"step{step}/{rank}" for rank in ranks])

    def _gone(self, rank: int, step: int) -> bool:
        return rank in self._ends and self._ends[rank].steps <= step

    def _look_for_ends(self, ranks: Collection[int]) -> None:
        for rank in ranks:
            if rank not in self._ends and self._board.has([f"end/{rank}"]):
                for end in self._board.take([f"end/{rank}"]):
                    self._ends[rank] = end
                    self._note(end.last)

    def _note(self, message: Message) -> None:
        """What is not of one step."""
        if message.findings is not None:
            self.local[message.rank] = message.findings
        for sentence in message.unseen:
            self._unseen.setdefault(sentence, set()).add(message.rank)
        if message.outline is not None:
            self._outlines[message.rank] = message.outline
        self._last[message.rank] = max(message.step, self._last.get(message.rank, 0))
        if message.births > self._taken.get(message.rank, message.births):
            self.take_births()

    def _put_together(self, messages: list[Message]) -> None:
        losses: dict[int, list[float | None]] = {}
        parts = []
        for message in messages:
            self._note(message)
            for step, loss in message.losses:
                losses.setdefault(step, []).append(loss)
            outline = self._outlines.get(message.rank)
            if message.rest is not None and message.numbers is not None and outline is not None:
                numbers = message.numbers.unpacked(outline)
                parts.append(Part(message.rank, outline, numbers, message.rest, message.left_out, message.shown))
        for step in sorted(losses):
            self._whole.step(step, mean_of(losses[step]))
        if parts:
            self.latest = together(parts, len(self._group.ranks))
            self._observe(self.latest)
