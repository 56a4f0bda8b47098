"""Symptoms of a layer whose gradient was found wrong by a check: that is the first thing to mend, and they say so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gradcheck.report import Finding, GradientResult, Report
from gradcheck.watched import Watched

__all__ = ["linked"]


def linked(
    findings: Iterable[Finding], watched: Watched, subject: str, checks: Sequence[Report]
) -> tuple[Finding, ...]:
    """The findings; those of a layer or parameter that one of ``checks`` found wrong have a line on that in ``cause``.

    A check is of this network where it has the same subject, or is of a network with an array of this name and shape.
    """
    wrong = _wrong_gradients(watched, subject, checks)
    if not wrong:
        return tuple(findings)
    return tuple(_told(finding, watched, wrong) for finding in findings)


def _wrong_gradients(
    watched: Watched, subject: str, checks: Sequence[Report]
) -> dict[str, tuple[GradientResult, Report]]:
    """Wrong gradients by the names that a layer or parameter may have in the watch."""
    shapes = {parameter.name: parameter.shape for parameter in watched.parameters}
    found: dict[str, tuple[GradientResult, Report]] = {}
    for report in checks:
        for g in report.gradients:
            if g.verdict != "wrong" or g.inherits:
                continue
            name = f"{g.layer}.{g.of}" if g.layer else g.of
            if shapes.get(name) == g.shape and (report.kind == "network" or report.subject == subject):
                found[name] = (g, report)
            if g.layer and report.subject == subject:
                found[g.layer] = (g, report)
    return found


def _told(finding: Finding, watched: Watched, wrong: dict[str, tuple[GradientResult, Report]]) -> Finding:
    if finding.severity == "info" or not (finding.layer or finding.gradient):
        return finding
    own = [p.name for p in watched.parameters if p.layer == finding.layer and finding.layer]
    names = [name for name in (finding.gradient, finding.layer, *own) if name in wrong]
    if not names:
        return finding
    g, report = wrong[names[0]]
    cause = next((f for f in report.findings if f.code.startswith("GC2") and g.name in f.gradient.split(", ")), None)
    why = f": {cause.code} {cause.title}" if cause is not None and cause.severity == "error" else ""
    line = (
        f"the gradient of {names[0]} is wrong (the check of {report.subject} found {g.name} wrong{why}): mend it first"
    )
    return replace(finding, cause=(line, *finding.cause))
