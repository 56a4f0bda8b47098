"""An explanation is confirmed at other values and another batch size: there, many that fit by chance do not."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.causes.candidate import Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.predict import predict

__all__ = ["holds"]


def holds(stack: Sequence[Candidate], names: Sequence[str], fresh: Sequence[Case]) -> bool | None:
    """Whether the changes predict the gradients of ``names`` in every fresh case; None where none could be asked."""
    asked = False
    for case in fresh:
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
