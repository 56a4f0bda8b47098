"""What one or several changes together predict."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.causes.attempt import worked_out
from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change

__all__ = ["predict"]


def predict(case: Case, stack: Sequence[Candidate]) -> dict[str, Array] | None:
    """The gradients with all changes of ``stack``; None where one of them has no meaning in this case."""
    return worked_out(lambda: _predicted(case, stack), otherwise=None)


def _predicted(case: Case, stack: Sequence[Candidate]) -> dict[str, Array] | None:
    gradients = dict(case.true)
    changes: dict[int, Change] = {}
    for candidate in stack:
        if candidate.evaluate is not None:
            found = candidate.evaluate(case)
            if found is None:
                return None
            gradients |= found
        if candidate.changes is not None:
            made = candidate.changes(case)
            if made is None:
                return None
            changes |= made
            if case.recording is None:
                return None
            found = case.recording.gradients(changes)
            gradients |= {n: found[n] for n in candidate.names if n in found}
    for candidate in stack:
        if candidate.transform is None:
            continue
        for name in candidate.names:
            if name not in gradients:
                return None
            turned = candidate.transform(case, name, gradients[name])
            if turned is None:
                return None
            gradients[name] = turned
    return gradients
