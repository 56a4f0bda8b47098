"""Running a sweep, and the report on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.configurations import Configuration, Drawn
from gradcheck.errors import GradcheckError
from gradcheck.report import Finding, Report
from gradcheck.state import seed_everything
from gradcheck.state.walk import State
from gradcheck.sweep.call import Call, shown
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
    if sweep == "auto":
        planned = automatic(call, _runs)
    elif isinstance(sweep, Mapping) and sweep:
        planned = combinations(call, sweep)
    else:
        raise GradcheckError(
            'sweep: give the values to try by name, sweep={"stride": [1, 2], "pad": [0, 1]}, or sweep="auto"'
        )
    tried = [(plan, *_tried(plan, check)) for plan in planned]
    reports = [report for _, report, _ in tried if report is not None]
    if not reports:
        raise GradcheckError(f"sweep: none of the {len(tried)} configurations could be checked: {tried[0][2]}")
    drawn: set[str] = set()
    rows = tuple(_row(plan, report, why, drawn) for plan, report, why in tried)
    failed = [r for r in reports if not r.ok]
    first = failed[0] if failed else reports[0]
    findings = _findings([(plan, report) for plan, report, _ in tried if report is not None])
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
        notes=tuple(dict.fromkeys(note for r in reports for note in r.notes)),
        leaks=tuple(dict.fromkeys(leak for r in reports for leak in r.leaks)),
        evaluations=tuple(counted.items()),
    )


def _tried(plan: Planned, check: Check) -> tuple[Report | None, str]:
    try:
        with plan.call.attributes_set():
            return check(plan.call.layer, **plan.call.options), ""
    except GradcheckError as error:
        return None, str(error)


def _runs(call: Call) -> bool:
    """Whether the forward takes these arguments; nothing it does is kept."""
    forward = getattr(call.layer[0], "forward", call.layer[0])
    snapshot = State(call.layer[0], list(call.arguments)).snapshot()
    try:
        with np.errstate(all="ignore"):
            seed_everything(call.seed)
            forward(*call.arguments, **(call.options.get("kwargs") or {}))
    except Exception:
        return False
    finally:
        snapshot.restore()
    return True


def _row(plan: Planned, report: Report | None, why: str, drawn: set[str]) -> Configuration:
    """The configuration's result; ``drawn`` are the gradients of which a picture is kept, and grows."""
    settings = tuple((name, shown(value)) for name, value in plan.settings.items())
    if report is None:
        return Configuration(settings, "not checked", reason=why)
    compared = [g for g in report.gradients if g.verdict != "not differentiated"]
    named = [(f"{g.layer}.{g.name}" if g.layer else g.name, g) for g in compared if g.verdict != "right"]
    bad = tuple(name for name, _ in named)
    pictured = [Drawn(name, g.compared_with, g.picture) for name, g in named if g.picture and name not in drawn]
    drawn.update(one.name for one in pictured)
    errors = [f for f in report.findings if f.severity == "error"]
    wrong = bool(errors) or any(g.verdict == "wrong" for g in compared)
    largest = max((g.relative_error for g in compared if g.relative_error is not None), default=None)
    verdict = "wrong" if wrong else "undecided" if bad else "right"
    fault = errors[0].title if errors else ""
    return Configuration(settings, verdict, bad, largest, fault, drawn=tuple(pictured))  # type: ignore[arg-type]  # one of the verdicts


def _findings(tried: list[tuple[Planned, Report]]) -> tuple[Finding, ...]:
    wrong = [(plan, report) for plan, report in tried if not report.ok]
    right = [(plan, report) for plan, report in tried if report.ok]
    found: list[Finding] = []
    if wrong and right:
        facts = [facts_of(plan.call, plan.settings) for plan, _ in (*wrong, *right)]
        shared = properties_of(facts[: len(wrong)], facts[len(wrong) :])
        count = f"{len(wrong)} of {len(tried)} configurations"
        if shared:
            title = f"wrong for {shared[0]}, right for all others ({count})"
            also = tuple(f"what was tried does not tell it from: {words}" for words in shared[1:])
        else:
            title, also = f"wrong in {count}; they have nothing simple in common", ()
        found.append(
            Finding("GC130", "error", title, evidence=also, help=("look at what the code does differently there",))
        )
    seen: set[tuple[str, str]] = set()
    for _, report in wrong:
        for finding in report.findings:
            if finding.severity != "info" and (finding.code, finding.gradient) not in seen:
                seen.add((finding.code, finding.gradient))
                found.append(finding)
    return tuple(found)
