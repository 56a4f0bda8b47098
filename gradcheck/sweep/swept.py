"""Running a sweep, and the report on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from gradcheck.configurations import Configuration, Drawn
from gradcheck.errors import GradcheckError
from gradcheck.report import Finding, Report
from gradcheck.state import seed_everything
from gradcheck.state.walk import State
from gradcheck.sweep.call import Call, forward_of, shown
from gradcheck.sweep.facts import facts_of
from gradcheck.sweep.plan import Planned, automatic, combinations
from gradcheck.sweep.shared import properties_of

__all__ = ["swept"]

Check = Callable[..., Report]


def swept(layer: Sequence[Any], options: Mapping[str, Any], sweep: object, check: Check) -> Report:
    """Check the layer in every configuration of the sweep; ``check`` makes one report and raises for misuse only.

    Raises:
        GradcheckError: the sweep cannot be understood, or no configuration could be checked.
    """
    call = Call(tuple(layer), dict(options), seed=options.get("seed") or 0)
    by_itself = isinstance(sweep, str) and sweep == "auto"
    notes: list[str] = []
    if by_itself:
        planned, notes = automatic(call, _runs)
    elif isinstance(sweep, Mapping) and sweep:
        planned = combinations(call, sweep)
    else:
        raise GradcheckError(
            'sweep: give the values to try by name, sweep={"stride": [1, 2], "pad": [0, 1]}, or sweep="auto"'
        )
    tried = [_tried(plan, check) for plan in planned]
    if by_itself:
        tried = [_unless_zero(_unless_empty(one)) for one in tried]
    reports = [one.report for one in tried if one.report is not None]
    if not reports:
        raise GradcheckError(f"sweep: none of the {len(tried)} configurations could be checked: {tried[0].why}")
    drawn: set[str] = set()
    rows = tuple(_row(one, drawn, by_itself or _all_checked_elsewhere(one, tried)) for one in tried)
    failed = [r for r in reports if not r.ok]
    first = failed[0] if failed else reports[0]
    findings = _findings(tried)
    counted: dict[str, int] = {}
    for report in reports:
        for what, n in report.evaluations:
            counted[what] = counted.get(what, 0) + n
    return replace(
        first,
        kind="sweep",
        gradients=(),
        findings=findings,
        configurations=rows,
        notes=tuple(dict.fromkeys([*notes, *(note for r in reports for note in r.notes)])),
        leaks=tuple(dict.fromkeys(leak for r in reports for leak in r.leaks)),
        evaluations=tuple(counted.items()),
    )


@dataclass(frozen=True)
class _Tried:
    """A configuration with its report; without one, why there is none, and whether it is the backward that raised."""

    plan: Planned
    report: Report | None
    why: str = ""
    raised: bool = False

    @property
    def outcome(self) -> Literal["right", "wrong", "unknown"]:
        if self.report is None:
            return "wrong" if self.raised else "unknown"
        return "right" if self.report.ok else "wrong"


def _tried(plan: Planned, check: Check) -> _Tried:
    try:
        with plan.call.attributes_set():
            return _Tried(plan, check(plan.call.layer, **plan.call.options))
    except GradcheckError as error:
        why = "; ".join(line.strip() for line in str(error).splitlines())
        return _Tried(plan, None, why, error.in_backward)


def _unless_empty(tried: _Tried) -> _Tried:
    """Nobody asked for a size at which no window fits, and nothing is left to be differentiated."""
    undecided = tried.report is not None and not tried.report.ok and not _is_wrong(tried.report)
    if not undecided or _runs(tried.plan.call):
        return tried
    return _Tried(tried.plan, None, "the forward gives an empty output")


def _unless_zero(tried: _Tried) -> _Tried:
    """Nor for one at which a right gradient is zero: of a softmax over one class nothing can be compared."""
    compared = [] if tried.report is None else [g for g in tried.report.gradients if g.verdict != "not differentiated"]
    if not compared or any(g.verdict != "undecided" or g.norm_yours or g.norm_true != 0 for g in compared):
        return tried
    if tried.report is not None and _is_wrong(tried.report):
        return tried
    return _Tried(tried.plan, None, "every gradient is zero there, so that nothing is compared")


def _is_wrong(report: Report) -> bool:
    return any(f.severity == "error" for f in report.findings) or any(g.verdict == "wrong" for g in report.gradients)


def _runs(call: Call) -> bool:
    """Whether the forward takes these arguments and gives anything; nothing it does is kept."""
    forward = forward_of(call.layer[0])
    snapshot = State(call.layer[0], list(call.arguments)).snapshot()
    try:
        with np.errstate(all="ignore"), call.attributes_set():
            seed_everything(call.seed)
            returned = forward(*call.arguments, **(call.options.get("kwargs") or {}))
    except Exception:
        return False
    finally:
        snapshot.restore()
    first = returned[0] if isinstance(returned, tuple | list) and returned else returned
    return not (isinstance(first, np.ndarray) and not first.size)


def _all_checked_elsewhere(one: _Tried, tried: Sequence[_Tried]) -> bool:
    """Whether each value of this combination was checked in another one: of a grid some combinations make no sense."""
    checked = [other.plan.settings for other in tried if other.report is not None]
    return all(
        any(name in settings and settings[name] is value for settings in checked)
        for name, value in one.plan.settings.items()
    )


def _row(tried: _Tried, drawn: set[str], may_be_skipped: bool) -> Configuration:
    """The configuration's result; ``drawn`` are the gradients of which a picture is kept, and grows.

    One that could not be checked is undecided, unless it was nobody's wish that it be tried, or one of a grid that the
    forward refuses while each of its values was checked with others.
    """
    settings = tuple((name, shown(value)) for name, value in tried.plan.settings.items())
    report = tried.report
    if report is None and tried.raised:
        return Configuration(settings, "wrong", fault=tried.why)
    if report is None:
        return Configuration(settings, "not checked" if may_be_skipped else "undecided", reason=tried.why)
    compared = [g for g in report.gradients if g.verdict != "not differentiated"]
    named = [(f"{g.layer}.{g.name}" if g.layer else g.name, g) for g in compared if g.verdict != "right"]
    bad = tuple(name for name, _ in named)
    pictured = [Drawn(name, g.compared_with, g.picture) for name, g in named if g.picture and name not in drawn]
    drawn.update(one.name for one in pictured)
    errors = [f for f in report.findings if f.severity == "error"]
    largest = max((g.relative_error for g in compared if g.relative_error is not None), default=None)
    verdict = "wrong" if _is_wrong(report) else "undecided" if bad else "right"
    fault = errors[0].title if errors else ""
    return Configuration(settings, verdict, bad, largest, fault, drawn=tuple(pictured))  # type: ignore[arg-type]  # one of the verdicts


def _findings(tried: Sequence[_Tried]) -> tuple[Finding, ...]:
    wrong = [one for one in tried if one.outcome == "wrong"]
    right = [one for one in tried if one.outcome == "right"]
    raising = [one for one in wrong if one.raised]
    found: list[Finding] = []
    if wrong and (right or raising):
        facts = [facts_of(one.plan.call, one.plan.settings) for one in (*wrong, *right)]
        shared = properties_of(facts[: len(wrong)], facts[len(wrong) :])
        surely = [one for one in wrong if one.raised or (one.report is not None and _is_wrong(one.report))]
        does = "wrong" if not raising else "the backward raises" if raising == wrong else "wrong, or raises,"
        if not surely:
            does = "undecided"
        others = "all others" if len(wrong) + len(right) == len(tried) else "all others that could be checked"
        count = f"{len(wrong)} of {len(tried)} configurations"
        also: tuple[str, ...] = ()
        if shared:
            title = f"{does} for {shared[0]}, right for {others} ({count})"
            also = tuple(f"what was tried does not tell it from: {words}" for words in shared[1:])
        else:
            title = f"{does} in {count}" + "; they have nothing simple in common" * bool(right)
        if raising:
            settings = ", ".join(f"{name} {shown(value)}" for name, value in raising[0].plan.settings.items())
            also += (f"with {settings}: {raising[0].why}",)
        help_ = "look at what the code does differently there"
        found.append(Finding("GC130", "error" if surely else "warning", title, evidence=also, help=(help_,)))
    seen: set[tuple[str, str]] = set()
    # of the right ones the first, which is the layer as it was given, tells of values that hide a mistake
    for one in (*wrong, *(one for one in tried[:1] if one.outcome == "right")):
        for finding in one.report.findings if one.report is not None else ():
            if finding.severity != "info" and (finding.code, finding.gradient) not in seen:
                seen.add((finding.code, finding.gradient))
                found.append(finding)
    return tuple(found)
