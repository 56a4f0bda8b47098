"""GC405: a learning rate decays from step to step, and the update uses another variable, which does not."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradcheck.descent.moves.other_rate import rate_names
from gradcheck.descent.moves.seen import Seen
from gradcheck.layers.spelling import is_rate_name
from gradcheck.report import Finding

__all__ = ["other_variable"]


def other_variable(seen: Seen) -> Finding | None:
    """The floats that look like learning rates and change, beside the rates that explain the moves."""
    rates = _rates(seen)
    if len(rates) < 2:
        return None
    steps = seen.steps[: len(rates)]
    close = max(1e-6, 4 * max(m.limit for m in seen.moves.values() if m.gradient is not None))
    changing = {
        name: [step.floats_before.get(name, math.nan) for step in steps]
        for name in steps[0].floats_before
        if len({step.floats_before.get(name) for step in steps}) > 1
    }
    steady = all(math.isclose(rate, rates[0], rel_tol=close) for rate in rates)
    for name, values in changing.items():
        alike = is_rate_name(name.rpartition(".")[2].strip("'])")) or _begins(values[0], rates[0], seen, close)
        afterwards = [step.floats_after.get(name, math.nan) for step in steps]
        if not alike or not values[0] or _follows(rates, values, close) or _follows(rates, afterwards, close):
            continue
        differs = max(abs(v / values[0] - 1) for v in values) > 4 * close
        if steady and differs:
            return _finding(name, values, rates, rate_names(seen, rates[0], close))
    return None


def _rates(seen: Seen) -> list[float]:
    """The effective learning rate at each step, over all parameters whose moves are multiples of their gradients."""
    found = []
    for moves in (seen.moves, *seen.later):
        # an adaptive optimizer has been asked with the rate that it has at each step
        fitted = [m for m in moves.values() if m.adaptive is None and m.is_multiple() and m.before.size > 1]
        each = [rate for m in fitted if (rate := m.rate()) is not None]
        if not each:
            break
        found.append(sorted(each)[len(each) // 2])
    return found


def _begins(value: float, rate: float, seen: Seen, close: float) -> bool:
    given = next(iter(seen.moves.values())).lr
    return math.isclose(value, rate, rel_tol=close) or math.isclose(value, given, rel_tol=close)


def _follows(rates: Sequence[float], values: Sequence[float], close: float) -> bool:
    """The moves keep to this variable, up to a factor that is the same at every step."""
    if not all(math.isfinite(v) and v for v in values):
        return False
    ratios = [rate / value for rate, value in zip(rates, values, strict=True)]
    return all(math.isclose(r, ratios[0], rel_tol=close) for r in ratios)


def _finding(name: str, values: Sequence[float], rates: Sequence[float], used: Sequence[str]) -> Finding:
    others = [n for n in used if n != name and not n.startswith(name)]
    other = others[0] if others else "another number"
    return Finding(
        "GC405",
        "error",
        f"{name} decays from step to step, and the update does not use it",
        cause=(f"the update uses {other}, which stays at {rates[0]:.6g}",),
        evidence=(
            f"{name}: " + ", ".join(f"{v:.6g}" for v in values),
            "the learning rate that explains the moves: " + ", ".join(f"{r:.6g}" for r in rates),
        ),
        help=(f"use one variable for both: w -= {name} * gradient",),
    )
