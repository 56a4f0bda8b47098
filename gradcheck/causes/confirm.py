"""An explanation is confirmed at other values and another batch size: there, many that fit by chance do not."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.causes.candidate import Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.fresh import Fresh
from gradcheck.causes.predict import predict

__all__ = ["holds"]


def holds(stack: Sequence[Candidate], names: Sequence[str], fresh: Fresh) -> bool | None:
    """Whether the changes predict the gradients of ``names`` in every fresh case; None where none could be asked.

    A few samples of a large batch settle it, unless the change has no meaning there or the fault does not show.
    """
    told = _hold(stack, names, fresh.cases)
    if told or not fresh.is_reduced or (told is False and _show(names, fresh.cases) and _mean(stack, fresh.cases)):
        return told
    return _hold(stack, names, fresh.larger)


def _hold(stack: Sequence[Candidate], names: Sequence[str], cases: Sequence[Case]) -> bool | None:
    asked = False
    for case in cases:
        there = [n for n in names if n in case.yours]
        if not there:
            continue
        predicted = predict(case, stack)
        if predicted is None:
            return False
        asked = True
        if not all(case.explains(n, predicted[n]) for n in there):
            return False
    return True if asked else None


def _show(names: Sequence[str], cases: Sequence[Case]) -> bool:
    """Whether any of the gradients is wrong in these cases."""
    return any(n in case.yours and not case.explains(n, case.true[n]) for case in cases for n in names)


def _mean(stack: Sequence[Candidate], cases: Sequence[Case]) -> bool:
    """Whether the changes can be made in these cases."""
    return all(predict(case, stack) is not None for case in cases)
