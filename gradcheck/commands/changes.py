"""What changed between two runs: which check and which gradient of it broke, was mended, is new or is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gradcheck.report import Finding, GradientResult, Report
from gradcheck.views.document import Source
from gradcheck.views.numbers import relative

__all__ = ["Change", "Kind", "State", "changes"]

Kind = Literal["broke", "mended", "new", "gone", "same"]
RIGHT = "right"


@dataclass(frozen=True, slots=True)
class State:
    """How one thing was judged, and a few words of why where it is not right."""

    verdict: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was judged (a gradient, say) by the script, the check and its own name; before and after.

    A whole check that is new or gone has an empty ``name``.
    """

    kind: Kind
    source: str
    subject: str
    name: str
    before: State | None
    after: State | None

    @property
    def harmful(self) -> bool:
        """Whether something is not right now that was right, or was not there, before."""
        return self.kind in ("broke", "new") and self.after is not None and self.after.verdict != RIGHT


def changes(old: Sequence[Source], new: Sequence[Source]) -> list[Change]:
    """Every thing that was judged in either run, in the order of the new one; what is gone comes last.

    A check is known by its script, its subject, and the how-manieth of that subject it is there; one that has moved to
    another script by its subject.
    """
    before, after = _checks(old), _checks(new)
    moved = _moved(before, after)
    found: list[Change] = []
    for key, report in after.items():
        past = before.get(moved.get(key, key))
        states = _states(report)
        if past is None:
            found.append(Change("new", key[0], key[1], "", None, _whole(report)))
            continue
        were = _states(past)
        for name, state in states.items():
            kind = _kind(name, were.get(name), state)
            found.append(Change(kind, key[0], key[1], name, were.get(name), state))
        found += [_vanished(key, name, state) for name, state in were.items() if name not in states]
    found += _scripts(old, new)
    kept = {moved.get(key, key) for key in after}
    found += [
        Change("gone", key[0], key[1], "", _whole(report), None) for key, report in before.items() if key not in kept
    ]
    return found


Key = tuple[str, str, int]


def _checks(sources: Sequence[Source]) -> dict[Key, Report]:
    seen: Counter[tuple[str, str]] = Counter()
    checks = {}
    for source in sources:
        for report in source.reports:
            subject = report.subject or report.style
            checks[(source.name, subject, seen[source.name, subject])] = report
            seen[source.name, subject] += 1
    return checks


def _moved(before: dict[Key, Report], after: dict[Key, Report]) -> dict[Key, Key]:
    """The old keys of checks that are in another script now."""
    left = [key for key in before if key not in after]
    moved = {}
    for key in after:
        if key in before:
            continue
        old = next((other for other in left if other[1:] == key[1:]), None)
        if old is not None:
            left.remove(old)
            moved[key] = old
    return moved


def _kind(name: str, before: State | None, after: State) -> Kind:
    if before is None:
        return "broke" if _is_fault(name) else "new"
    if (before.verdict == RIGHT) == (after.verdict == RIGHT):
        return "same"
    return "mended" if after.verdict == RIGHT else "broke"


def _vanished(key: Key, name: str, was: State) -> Change:
    """A fault that is no more was mended; a gradient that is not compared any more is gone."""
    if _is_fault(name):
        return Change("mended", key[0], key[1], name, was, State(RIGHT))
    return Change("gone", key[0], key[1], name, was, None)


def _is_fault(name: str) -> bool:
    """Whether a state is that of a finding, which is there only while it is not right."""
    return name.startswith("GC")


def _scripts(old: Sequence[Source], new: Sequence[Source]) -> Iterator[Change]:
    """Scripts that went wrong as such."""
    were = {source.name: source.trouble for source in old}
    for source in new:
        past = were.get(source.name, "")
        if source.trouble or past:
            kind: Kind = "same" if source.trouble and past else "broke" if source.trouble else "mended"
            before, after = (State("went wrong", t) if t else State(RIGHT) for t in (past, source.trouble))
            yield Change(kind, source.name, "the script", "", before, after)


def _whole(report: Report) -> State:
    names = [name for name, state in _states(report).items() if state.verdict != RIGHT]
    return State(RIGHT if report.ok else "wrong", ", ".join(names))


def _states(report: Report) -> dict[str, State]:
    """Everything that the report judges, by name: gradients, updates, configurations, and faults beside them."""
    errors = [finding for finding in report.findings if finding.severity == "error"]
    states: dict[str, State] = {}
    several = len({g.layer for g in report.gradients}) > 1
    for g in report.gradients:
        if g.verdict != "not differentiated":
            states[f"{g.layer}.{g.name}" if several and g.layer else g.name] = State(g.verdict, _why(g, errors))
    for u in report.updates:
        if u.verdict != "not differentiated":
            states[u.name] = State(u.verdict, u.reason)
    for c in report.configurations:
        if c.verdict != "not checked":
            states[", ".join(f"{k}={v}" for k, v in c.settings)] = State(c.verdict, ", ".join(c.wrong) or c.fault)
    if report.step_size is not None:
        verdict = report.step_size.verdict
        states["learning rate"] = State("undecided" if verdict == "undecided" else RIGHT, verdict)
    explained = {name for name, state in states.items() if state.verdict != RIGHT}
    for finding in errors:
        named = {part.strip() for part in finding.gradient.split(",")}
        about = named | {f"{finding.layer}.{name}" for name in named}
        if not about & explained:
            name = " ".join(part for part in (finding.code, finding.layer, finding.gradient) if part)
            states[name] = State("wrong", f"{finding.code} {finding.title}")
    if not states:
        states["check"] = State(RIGHT if report.ok else "wrong")
    return states


def _why(g: GradientResult, errors: Sequence[Finding]) -> str:
    if g.verdict == RIGHT:
        return ""
    about = [f for f in errors if g.name in f.gradient.split(", ") and f.layer in ("", g.layer)]
    if about:
        return f"{about[0].code} {about[0].title}"
    return g.reason or (f"rel. error {relative(g.relative_error)}" if g.relative_error is not None else "")
