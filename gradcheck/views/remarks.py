"""What is said beside the tables: the course of the loss, how to read the pictures, and what was not seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcheck.views import numbers
from gradcheck.views.plain import visible
from gradcheck.views.rows import labels_told
from gradcheck.views.sparkline import curve

if TYPE_CHECKING:
    from gradcheck.report import Report

__all__ = ["loss_line", "notes_told"]

CURVE, SHORTEST = 40, 8


def loss_line(report: Report, width: int) -> str:
    """``2.303 at step 0 ▇▆▄▃▂▁ 0.1234 at step 299`` in ``width`` cells if it can be; empty where no loss was seen."""
    if report.watched is None:
        return ""
    loss = report.watched.loss
    seen = [(step, x) for step, x in zip(loss.steps, loss.values, strict=False) if x is not None]
    if not seen:
        return ""
    first, end = (f"{numbers.value(x)} at step {step:,}" for step, x in (seen[0], seen[-1]))
    room = min(max(width - len(f"{first}    {end}"), SHORTEST), CURVE)
    return f"{first}  {curve(loss.values, room)}  {end}" if len(seen) > 1 else first


def notes_told(report: Report) -> list[str]:
    """Notes in the order of reading: what was not seen, remarks of the check, what has no gradient."""
    unseen = report.watched.unseen if report.watched else ()
    return [note for note in (*map(visible, unseen), *map(visible, report.notes), labels_told(report)) if note]
