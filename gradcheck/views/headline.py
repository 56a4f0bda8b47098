"""The first line: what was found, in one sentence that stands alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from gradcheck.views.configuration_rows import sweep_statement
from gradcheck.views.plain import count, names, visible
from gradcheck.views.training_statement import training_statement

if TYPE_CHECKING:
    from gradcheck.report import Finding, GradientResult, Report, Verdict

__all__ = ["MARKS", "accent", "facts_told", "full_name", "headline", "in_order", "mark", "outcome", "statement"]

MARKS: dict[Verdict, str] = {"right": "✓", "wrong": "✗", "undecided": "?", "not differentiated": "·"}
WARNED = "!"
TRAINING = ("watch", "step", "learning rate")
SEVERITIES = ("error", "warning", "info")
OTHER_FUNCTION = "GC120"  # the reference computes something else than the forward
OF_SEVERAL_LAYERS = "GC113"  # no single backward is to blame for a cache that layers share


def in_order(report: Report) -> list[Finding]:
    """The findings as they are to be read: those of a watch by cause and effect, as they are; others errors first."""
    if report.kind == "watch":
        return list(report.findings)
    return sorted(report.findings, key=lambda finding: SEVERITIES.index(finding.severity))


def outcome(report: Report) -> Verdict:
    """``right``, ``wrong`` or ``undecided`` for the whole report. A fault of any kind is wrong."""
    if report.ok:
        return "right"
    verdicts = {g.verdict for g in report.gradients} | {u.verdict for u in report.updates}
    verdicts |= {c.verdict for c in report.configurations if c.verdict != "not checked"}
    if report.kind == "watch" or (report.step_size is not None and report.step_size.verdict == "undecided"):
        verdicts.add("undecided")  # no error, and not right: nothing was seen, or not enough
    faulty = "wrong" in verdicts or any(f.severity == "error" for f in report.findings)
    return "wrong" if faulty or "undecided" not in verdicts else "undecided"


def mark(report: Report) -> str:
    """✓, ✗ or ? for the whole report; ! for a training that is not broken, but harmed."""
    return WARNED if _warned(report) else MARKS[outcome(report)]


def accent(report: Report) -> Verdict:
    """The verdict whose colour the mark has."""
    return "undecided" if _warned(report) else outcome(report)


def _warned(report: Report) -> bool:
    return report.kind in TRAINING and report.ok and any(f.severity == "warning" for f in report.findings)


def full_name(gradient: GradientResult, report: Report) -> str:
    """The gradient's name; with its layer where another has one of that name, and always in a model."""
    namesakes = Counter(g.name for g in report.gradients)[gradient.name] > 1 or report.kind == "module"
    return visible(f"{gradient.layer}.{gradient.name}" if namesakes and gradient.layer else gradient.name)


def statement(report: Report) -> str:
    """The sentence without mark and subject: ``1 of 3 gradients is wrong (dw)``."""
    if report.kind in TRAINING:
        return training_statement(report)
    if report.kind == "sweep":
        return sweep_statement(report)
    other = [f for f in report.findings if f.code == OTHER_FUNCTION and f.severity == "error"]
    if other:  # what is said of the gradients means little then
        rest = replace(report, findings=tuple(f for f in report.findings if f not in other))
        return f"{visible(other[0].title.rstrip('.'))}; {statement(rest)}"
    compared = [g for g in report.gradients if g.verdict != "not differentiated"]
    wrong = [g for g in compared if g.verdict == "wrong"]
    undecided = [g for g in compared if g.verdict == "undecided"]
    errors = [f for f in in_order(report) if f.severity == "error"]
    fault = _fault(errors)
    if not compared:
        return f"nothing was compared, and {fault}" if errors else "nothing was compared"
    if wrong == compared and wrong[1:] and not any(g.inherits for g in wrong):
        return f"{'both' if len(wrong) == 2 else f'all {len(wrong)}'} gradients are wrong"
    if wrong:
        also = f"; {len(undecided)} undecided ({_list(undecided, report)})" if undecided else ""
        return f"{_some(wrong, len(compared))} wrong{_in_brackets(_wrong_names(wrong, report), report)}{also}"
    if undecided:
        which = _in_brackets(_list(undecided, report), report)
        if errors:
            return f"{_some(undecided, len(compared))} undecided{which}, and {fault}"
        many = "the gradient" if len(compared) == 1 else f"{len(undecided)} of {len(compared)} gradients"
        return f"undecided: {many} could not be judged{which}"
    # Where others are listed beside it, the one that was compared has to be named.
    which = _in_brackets(_list(compared, report), report) if len(report.gradients) > 1 else ""
    right = {1: f"the gradient is right{which}", 2: "both gradients are right"}.get(len(compared))
    if errors:
        return f"{'the gradient is' if len(compared) == 1 else 'the gradients are'} right, but {fault}"
    warnings = sum(f.severity == "warning" for f in report.findings)
    return (right or f"all {len(compared)} gradients are right") + (
        f" ({count(warnings, 'warning')})" if warnings else ""
    )


def headline(report: Report) -> str:
    """Mark, subject and statement."""
    subject = f"{visible(report.subject)}: " if report.subject else ""
    return f"{mark(report)} {subject}{statement(report)}"


def facts_told(report: Report) -> list[str]:
    """How it was checked: the style, the dtype, how much was watched, and the seed where anything was drawn."""
    seed = "" if report.kind in ("comparison", "watch", "step") else f"seed {report.seed}"
    watched = []
    if report.watched is not None:
        watched = [count(report.watched.steps, "step"), f"{report.watched.sampled:,} sampled"]
    return [fact for fact in (visible(report.style), visible(report.dtype), *watched, seed) if fact]


def _fault(errors: list[Finding]) -> str:
    if not errors:
        return ""
    backward = errors[0].code.startswith("GC1") and errors[0].code != OF_SEVERAL_LAYERS
    contract = "the backward breaks its contract: " if backward else ""
    more = f" (and {count(len(errors) - 1, 'more error', 'more errors')})" if errors[1:] else ""
    return contract + visible(errors[0].title.rstrip(".")) + more


def _some(some: list[GradientResult], compared: int) -> str:
    if compared == 1:
        return "the gradient is"
    return f"{len(some)} of {compared} gradients {'is' if len(some) == 1 else 'are'}"


def _in_brackets(listed: str, report: Report) -> str:
    return "" if listed == visible(report.subject) or report.kind == "comparison" else f" ({listed})"


def _list(gradients: list[GradientResult], report: Report) -> str:
    return names([full_name(g, report) for g in gradients], most=5)


def _wrong_names(wrong: list[GradientResult], report: Report) -> str:
    heirs = [g for g in wrong if g.inherits]
    guilty = [g for g in wrong if not g.inherits]
    if not heirs or not guilty:
        return _list(wrong, report)
    return f"{_list(guilty, report)}; {_list(heirs, report)} {'inherits' if len(heirs) == 1 else 'inherit'} it"
