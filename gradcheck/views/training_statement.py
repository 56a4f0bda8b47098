"""What the first line says of a watch, a step or a learning rate: the root of the trouble, or that there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradcheck.views import numbers
from gradcheck.views.blocks import finding_title, untold_step
from gradcheck.views.plain import count, names, path, visible

if TYPE_CHECKING:
    from gradcheck.report import Finding, Report
    from gradcheck.updates import StepSize

__all__ = ["faults", "foremost", "training_statement"]

BIRTH = "GC300"  # whatever led to it, this is what ended the training


def faults(report: Report) -> list[Finding]:
    """Errors and warnings in the order in which they are to be read."""
    told = [finding for finding in report.findings if finding.severity != "info"]
    if report.kind != "watch":
        told.sort(key=lambda finding: finding.severity != "error")
    return told


def foremost(found: list[Finding]) -> Finding:
    """The birth of a NaN, or the first finding, which the others follow from."""
    return next((finding for finding in found if finding.code == BIRTH and finding.severity == "error"), found[0])


def training_statement(report: Report) -> str:
    """The sentence without mark and subject."""
    if report.kind == "watch":
        return _watch(report)
    return _step(report) if report.kind == "step" else _learning_rate(report)


def _watch(report: Report) -> str:
    steps = report.watched.steps if report.watched else 0
    elsewhere = visible(report.watched.elsewhere) if report.watched else ""  # then this one knows little by itself
    if found := faults(report):
        return "; ".join(filter(None, [_first(found, report), elsewhere]))
    if elsewhere:
        return f"{count(steps, 'step')} watched; {elsewhere}"
    if not steps:
        return "nothing was watched: no step was seen"
    if report.watched and report.watched.blind:
        return "nothing was watched: no array of it was seen in use"
    return f"{count(steps, 'step')} watched, no symptom above info"


def _step(report: Report) -> str:
    if found := faults(report):
        return _first(found, report)
    compared = [u for u in report.updates if u.verdict != "not differentiated"]
    if not compared:
        return "nothing was compared"
    for verdict, told in (("wrong", "did not move by -lr·g"), ("undecided", "could not be judged")):
        if some := [visible(u.name) for u in compared if u.verdict == verdict]:
            which = f" ({names(some, most=5)})"
            if len(compared) == 1:
                return f"the parameter {told}{which}"
            return f"{len(some)} of {len(compared)} parameters {told}{which}"
    return {1: "the parameter", 2: "both parameters"}.get(
        len(compared), f"all {len(compared)} parameters"
    ) + " moved by -lr·g"


def _learning_rate(report: Report) -> str:
    if found := faults(report):
        return _first(found, report)
    return _of_size(report.step_size) if report.step_size else "no learning rate was judged"


def _of_size(size: StepSize) -> str:
    lr = numbers.written(size.lr)
    limit = numbers.value(size.limit, numbers.digits_to_tell_apart(size.lr, size.limit))
    against = f"the learning rate {lr} is {{}} the limit {limit}"
    return {
        "converges": against.format("below") + ": gradient descent converges",
        "diverges": against.format("above") + ": gradient descent diverges",
        "below the edge": against.format("below") + " here",
        "above the edge": against.format("above") + " here, the edge of stability",
        "undecided": _undecided(size, lr, limit),
    }[size.verdict]


def _undecided(size: StepSize, lr: str, limit: str) -> str:
    if not math.isfinite(size.limit):
        return f"undecided: no limit could be found for the learning rate {lr}"
    if math.isclose(size.lr, size.limit, rel_tol=1e-9):
        return f"undecided: the learning rate {lr} is the limit itself"
    return f"undecided: the learning rate {lr} is near the limit {limit}, which may be lower"


def _first(found: list[Finding], report: Report) -> str:
    """The title of the birth of a NaN, or of the first finding, which the others follow from; and how many others."""
    first = foremost(found)
    others = [finding for finding in found if finding is not first]
    title = finding_title(first, report).rstrip(".")
    step = untold_step(first, title)
    place = f"{path(first.where.file)}:{first.where.line}" if first.where and first.code == BIRTH else ""
    numbers_of = {word: sum(finding.severity == word for finding in others) for word in ("error", "warning")}
    counted = [
        count(number, f"more {word}" if word == first.severity else word)
        for word, number in numbers_of.items()
        if number
    ]
    return "".join(
        (
            title,
            f", at {step}" if step else "",
            f" ({place})" if place not in title else "",
            f"; {', '.join(counted)}" if counted else "",
        )
    )
