"""What a process tells of the steps that it samples."""

from __future__ import annotations

from dataclasses import replace

from gradcheck.health.monitor import Monitor
from gradcheck.health.sample import Birth, Sample
from gradcheck.report import Finding
from gradcheck.watching.pytorch.distributed.board import Board
from gradcheck.watching.pytorch.distributed.messages import End, Message
from gradcheck.watching.pytorch.distributed.numbers import Numbers, Outline, outline_of

__all__ = ["Sender"]

_KEPT = 8  # of its messages: whoever has not read one by then never will
_MOST_BIRTHS = 8


class Sender:
    """Makes the messages of one process and, where it is not the one that reads them, leaves them for that one."""

    def __init__(self, board: Board, rank: int, copies: dict[str, int]) -> None:
        self._board, self._rank, self._copies = board, rank, copies
        self._losses: list[tuple[int, float | None]] = []
        self._outline: Outline | None = None
        self._findings: tuple[Finding, ...] = ()
        self._births = 0
        self._sent: list[str] = []
        board.leave(f"here/{rank}", True)

    def loss(self, step: int, loss: float | None) -> None:
        """A step was made."""
        self._losses.append((step, loss))

    def message(self, step: int, sample: Sample | None, monitor: Monitor) -> Message:
        """What there is to tell at the end of a step."""
        message = Message(self._rank, step, self._losses, births=self._births)
        self._losses = []
        findings = monitor.findings()
        if findings != self._findings:
            message.findings = self._findings = findings
        message.unseen = monitor.not_seen
        if sample is not None:
            outline = outline_of(sample)
            if outline != self._outline:
                message.outline = self._outline = outline
            message.numbers = Numbers.of(sample, self._copies).packed()
            message.shown = {layer.name: layer.histograms for layer in sample.layers if layer.histograms}
            message.shown |= {p.name: p.histograms for p in sample.parameters if p.histograms}
            message.rest = replace(sample, layers=[], parameters=[])
        return message

    def send(self, message: Message) -> None:
        """Leave a message; old ones are taken away."""
        name = f"step{message.step}/{self._rank}"
        self._board.leave(name, replace(message, shown={}))
        self._sent.append(name)
        if len(self._sent) > _KEPT:
            self._board.remove(self._sent.pop(0))

    def birth(self, birth: Birth) -> None:
        """Leave a birth at once."""
        if self._births < _MOST_BIRTHS:
            self._board.leave(f"birth{self._births}/{self._rank}", birth)
            self._births += 1

    def end(self, steps: int, error: str, last: Message) -> None:
        """Say that no more will come."""
        self._board.leave(f"end/{self._rank}", End(steps, error, last))
