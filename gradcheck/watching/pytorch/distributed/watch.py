"""A training on several processes under watch: each measures its part, the first one reports on all."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Literal

import torch
from torch import nn

from gradcheck.errors import UnhealthyTraining
from gradcheck.health.linked import linked
from gradcheck.health.monitor import Monitor
from gradcheck.health.order import ordered
from gradcheck.health.sample import Birth, OutputSample, Sample
from gradcheck.outcome import failed_checks
from gradcheck.report import Finding, Report
from gradcheck.watched import Watched
from gradcheck.watching.pytorch.distributed.agreement import Agreement, SharedSchedule
from gradcheck.watching.pytorch.distributed.board import STORE_GONE, Board
from gradcheck.watching.pytorch.distributed.collector import PATIENCE, Collector
from gradcheck.watching.pytorch.distributed.group import Group, copies_of
from gradcheck.watching.pytorch.distributed.messages import Verdict
from gradcheck.watching.pytorch.distributed.sender import Sender
from gradcheck.watching.pytorch.distributed.which_ranks import with_ranks
from gradcheck.watching.pytorch.watch import TorchHealth

__all__ = ["DistributedHealth"]

_SKEW = 0.5  # seconds by which one process may come to the end of a training before another
_ASKED = 5.0  # seconds for which a process whose report is asked for waits for the end of the first one's training
_LOSSES = 200  # steps after which a process tells its losses though it samples none


class DistributedHealth(TorchHealth):
    """Watches one process of several that train a model together.

    The first of them, rank 0, has the report on all of them, and is the only one that calls the ``callback``. No
    process waits for another while it trains: each leaves what it measured in a sampled step as one message, and
    rank 0 takes them all when they are there, which is as a rule a step later.
    """

    def __init__(
        self,
        model: nn.Module,
        group: Group,
        optimizers: Sequence[torch.optim.Optimizer] = (),
        *,
        every: int | None = None,
        on: Literal["report", "raise"] = "report",
        callback: Callable[[Sample], object] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(model, optimizers, every=every, on=on, name=name)
        self._callback = callback if group.leads else None
        self._group = group
        self._whole = Monitor(None if self._callback is None else self._pass_on)
        self.schedule = self._shared = SharedSchedule(every)
        self._births.averaged = group.kind == "DDP"
        self._adaptive = every is None
        self._taken: Sample | None = None
        self._left_out: OutputSample | None = None
        self._error = ""
        self._leaving = False
        self._verdict: Verdict | None = None
        named = self._parameters.named
        self._copies = {name: copies for name, p in named.items() if (copies := copies_of(p))}

    def start(self) -> None:
        """Begin to watch."""
        self._board = Board(self._title(), self._group.own)
        self._sender = Sender(self._board, self._group.own, self._copies)
        self._collector = Collector(self._group, self._board, self._whole, self._whole.observe)
        self._halt, self._burst = Agreement(self._board, "halt"), Agreement(self._board, "burst")
        super().start()

    def _title(self) -> str:
        """The same in all processes, and for each watch another one."""
        where = f"{os.path.basename(self.where.file)}:{self.where.line}" if self.where else ""
        names = ",".join(self._parameters.named)
        text = f"{self.subject} {where} {self._group.ranks} {names}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        self._error = type(error).__name__ if error is not None else ""
        self._leaving = True
        try:
            super().__exit__(kind, error, traceback)
        finally:
            self._leaving = False
        if error is None and self._on == "raise" and not self._raised:  # the training ended before all could stop
            report = self._report()
            if any(finding.severity == "error" for finding in report.findings):
                self._raised = True
                raise UnhealthyTraining(report)

    def stop(self) -> None:
        """Put everything back, and say so to the others."""
        try:
            super().stop()
        finally:
            last = self._sender.message(self._step, None, self.monitor)
            self._sender.end(self._step, self._error, last)
            if self._group.leads:
                self._collector.own(last, last=True)
                self._collector.finish(self._step, wait=not self._error)
                self._board.leave("verdict", self._verdict_on_all())
                if not self._error:
                    self._collector.see_off()

    def step(self, loss: object = None, *, outputs: object = None, labels: object = None) -> None:
        """Mark the end of a training step that no optimizer of PyTorch makes, or give the loss of one."""
        __tracebackhide__ = True
        before = self._step
        super().step(loss, outputs=outputs, labels=labels)
        if self._step == before and loss is not None and not self._had_loss:
            value = loss.detach() if isinstance(loss, torch.Tensor) else loss
            self._sender.loss(before - 1, float(value))  # type: ignore[arg-type]  # a number: it was used as one

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found until now: on rank 0 of all processes, elsewhere of this one."""
        return tuple(self._findings_on_all()) if self._group.leads else self.monitor.findings()

    def _pass_on(self, sample: Sample) -> None:
        if self._callback is not None and not self._error:  # that may be the callback's own
            self._callback(sample)

    # What is measured

    def observe(self, sample: Sample) -> None:
        """Judge this process's own sample."""
        self.monitor.observe(sample)
        self._taken = sample

    def born(self, birth: Birth) -> None:
        """Pass a birth on to the first process."""
        birth = self.measured(self._with_layer, birth) or birth
        self.monitor.birth(birth)
        if self._group.leads:
            self._collector.births.add(self._group.own, birth)
        else:
            self._sender.birth(birth)
        if self._on == "raise":
            self._halt.want(self._step)

    def _with_layer(self, birth: Birth) -> Birth:
        """Where the forward could not be done again: the first layer whose output is not finite, in a sampled step."""
        if birth.where is not None or birth.layer or birth.phase != "forward" or not self._sampling:
            return birth
        bad = next((x for x in self._layers.samples() if x.activation is not None and x.activation.bad), None)
        if bad is None:
            return birth
        remark = f"{birth.remark}; the outputs of the layers before it are finite"
        return replace(birth, layer=bad.name, where=bad.where, remark=remark)

    def _check_gradients(self, parameters: Mapping[str, nn.Parameter], by_name: bool = False) -> None:
        __tracebackhide__ = True
        super()._check_gradients(parameters, by_name)
        # What DDP has averaged is the same everywhere: all processes come to this, and none waits for the others.
        bad = self._total is not None and not math.isfinite(self._total)
        if bad and self._group.kind == "DDP" and self._on == "raise" and not self._raised:
            self._raise_now()

    def _sample(self) -> Sample:
        sample = super()._sample()
        self._left_out = self._output.left_out
        return sample

    def _end_step(self) -> None:
        __tracebackhide__ = True
        step, loss = self._step, self._loss
        super()._end_step()
        sample, self._taken = self._taken, None
        self._sender.loss(step, loss)
        if sample is not None or step % _LOSSES == _LOSSES - 1:
            message = self._sender.message(step, sample, self.monitor)
            message.left_out = self._left_out
            if self._group.leads:
                self._collector.own(message)
            else:
                self._sender.send(message)
        if self._group.leads:
            self._collector.collect(step)
        self._agree(step)

    def _agree(self, step: int) -> None:
        """Do at this step what all processes do, or ask for it."""
        __tracebackhide__ = True
        if self._adaptive:
            if self._shared.wanted:
                self._shared.wanted = False
                self._burst.want(step)
            if self._burst.due(step):
                self._shared.burst()
        if self._on != "raise" or self._raised:
            return
        if self._group.leads and any(finding.severity == "error" for finding in self._whole.findings()):
            self._halt.want(step)
        if self._halt.due(step):
            self._raise_now()

    def _raise_now(self) -> None:
        __tracebackhide__ = True
        self._raised = True
        if self._group.leads:
            self._collector.take_births()
            for birth in self._collector.births.new():
                self._whole.birth(birth)
        raise UnhealthyTraining(self._report())

    # The report

    def _report(self) -> Report:
        if self._group.leads:
            if not self._running:
                self._collector.finish(self._step, wait=False)
            return self._all(self._findings_on_all())
        report = replace(super()._report(), style=self._style)
        return self._of_one(report)

    @property
    def _style(self) -> str:
        return f"{self.style} on {len(self._group.ranks)} ranks ({self._group.kind})"

    def _findings_on_all(self) -> list[Finding]:
        local = self._collector.local | {self._group.own: self.monitor.findings()}
        names = tuple(layer.name for layer in self._whole.watched(()).layers)
        found = with_ranks(self._whole.findings(), local, self._group.ranks, self._collector.latest)
        return list(ordered(found, names))

    def _verdict_on_all(self) -> Verdict:
        findings = self._findings_on_all()
        errors, warnings = ([f for f in findings if f.severity == severity] for severity in ("error", "warning"))
        return Verdict(next(iter([*errors, *warnings]), None), len(errors), len(warnings))

    def _all(self, findings: Sequence[Finding]) -> Report:
        watched = self._whole.watched(findings)
        unseen = () if self._running else self._collector.remarks(self._step)
        watched = replace(watched, steps=max(watched.steps, self._step), unseen=(*watched.unseen, *unseen))
        told = linked(findings, watched, self.subject, failed_checks())
        return replace(super()._report(), style=self._style, findings=told, watched=watched)

    def _wait_for_verdict(self) -> Verdict | None:
        """What the first process says; it is waited for only once that one trains no more, so that it waits for nobody.

        Where this process has ended early, the others may be in the midst of a step that needs it.
        """
        end = f"end/{self._group.first}"
        alone = self._error not in ("", UnhealthyTraining.__name__)  # the others do not know that it has left
        skew = _SKEW if self._leaving else _ASKED
        if not alone and self._board.has([f"here/{self._group.first}"]) and self._board.wait([end], skew):
            self._board.wait(["verdict"], 2 * PATIENCE)
        found = self._board.take(["verdict"]) if self._board.has(["verdict"]) else []
        if found:
            self._board.leave(f"read/{self._group.own}", True)
        return next(iter(found), None)

    def _of_one(self, report: Report) -> Report:
        """What another process than the first says: what the first has found, in a line, or else what it saw itself."""
        own, first = self._group.own, self._group.first
        count = len(self._group.ranks)
        every = self._group.ranks == tuple(range(count))  # not some of those of a larger training
        place = f"this is rank {own}" + (f" of {count}" if every else f", one of {count} that train this model")
        if self._verdict is None and not self._running:
            self._verdict = self._wait_for_verdict()
        watched = report.watched or Watched(self._step, 0)
        if self._verdict is None:
            gone = STORE_GONE.format(self._board.lost) if self._board.lost else ""
            why = f"and could not be asked for, as {gone}" if gone else "and not there yet"
            note = f"{place}: the report on all is that of rank {first}, {why}; this is what this rank saw"
            elsewhere = f"rank {first} holds the report, which was not there yet"
            if gone:
                elsewhere = f"the report is that of rank {first}, which could not be asked"
            return replace(report, watched=replace(watched, elsewhere=elsewhere), notes=(*report.notes, note))
        note = f"{place}: the report on all of them is that of rank {first}"
        elsewhere = f"rank {first} holds the report ({_counted(self._verdict)})"
        watched = Watched(watched.steps, watched.sampled, watched.loss, elsewhere=elsewhere)
        findings = () if self._verdict.first is None else (self._verdict.first,)
        return replace(report, findings=findings, watched=watched, notes=(*report.notes, note))


def _counted(verdict: Verdict) -> str:
    """How many findings it has: ``1 error, 2 warnings``."""
    numbers = {"error": verdict.errors, "warning": verdict.warnings}
    told = [f"{number} {word}{'s' if number > 1 else ''}" for word, number in numbers.items() if number]
    return ", ".join(told) or "nothing above info"
