"""What the tables of layers and of parameters have in common: a number's last value, and its course over the steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from gradcheck.views import numbers
from gradcheck.views.columns import Column, Row
from gradcheck.views.plain import visible
from gradcheck.views.sparkline import ALIKE, NOT_FINITE, ZERO, Scale, bar, curve

if TYPE_CHECKING:
    from gradcheck.report import Report, Severity
    from gradcheck.watched import LayerHistory, ParameterHistory, Series

__all__ = ["PICTURE", "STOPPED", "Pictures", "Quantity", "found", "key_told", "last", "span", "spoilt"]

OVER_STEPS = "over steps"
PICTURE = " picture"  # how the keys of columns with pictures end
BARS, CURVES = f" bar{PICTURE}", f" curve{PICTURE}"
STOPPED = "stopped"
SIGNS = {ZERO: "exactly 0", NOT_FINITE: "not finite"}
CURVE = len(OVER_STEPS)
BAR = 6
CODES = 2  # named in a row; the rest is counted
MARKS: dict[Severity, str] = {"error": "✗", "warning": "!", "info": "·"}
STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "info": "dim"}
Pictures = Literal["both", "bar", "curve", "none"]


class Quantity:
    """One number of every row, as a group of columns: its last value, a bar beside the other rows', a curve."""

    def __init__(self, name: str, courses: Sequence[Series], pictures: Pictures) -> None:
        self._name = name
        ends = [last(course) for course in courses]
        self._known = any(end is not None for end in ends)
        self._scale = Scale(ends, ALIKE)
        self._bars = pictures in ("both", "bar") and len(courses) > 1
        self._curves = pictures in ("both", "curve") and any(len(course.values) > 1 for course in courses)

    def columns(self) -> list[Column]:
        """The columns; none where nothing was measured."""
        if not self._known:
            return []
        if not (self._bars or self._curves):
            return [Column(self._name, self._name, right=True)]
        columns = [Column(self._name, "last", right=True, group=self._name, least=len("1.23e-10"))]
        columns += [Column(f"{self._name}{BARS}", "", group=self._name, least=BAR)] if self._bars else []
        columns += [Column(f"{self._name}{CURVES}", OVER_STEPS, group=self._name, least=CURVE)] if self._curves else []
        return columns

    def cells(self, course: Series) -> dict[str, str]:
        """The cells of one row."""
        end = last(course)
        return {
            self._name: numbers.norm(end),
            f"{self._name}{BARS}": bar(end, self._scale, BAR),
            f"{self._name}{CURVES}": curve(course.values, CURVE),
        }

    def styles(self, course: Series) -> dict[str, str]:
        """The accents of one row: what is not finite stands out."""
        return {self._name: "bold red"} if spoilt(course) else {}


def last(course: Series) -> float | None:
    """The last value that was measured."""
    return next((value for value in reversed(course.values) if value is not None), None)


def spoilt(course: Series) -> bool:
    """Whether the last value is NaN or infinite."""
    end = last(course)
    return end is not None and not math.isfinite(end)


def span(courses: Iterable[Series]) -> str:
    """The last values of several rows in words: ``0.41 to 1.2``, or the one they share; empty where there is none."""
    ends = [end for course in courses if (end := last(course)) is not None]
    if not ends:
        return ""
    if any(math.isnan(end) for end in ends):
        return "nan in some"
    low, high = numbers.norm(min(ends)), numbers.norm(max(ends))
    return low if low == high else f"{low} to {high}"


def key_told(tables: Iterable[tuple[Sequence[Column], Sequence[Row]]]) -> str:
    """How the pictures and the share of entries in these tables are to be read, as far as they are there."""
    kinds = {BARS: "bars among rows", CURVES: "curves over sampled steps"}
    keys: set[str] = set()
    drawn = ""
    for columns, rows in tables:
        keys |= {column.key for column in columns}
        pictures = [column.key for column in columns if column.key.endswith(PICTURE)]
        drawn += "".join(row.cells.get(key, "") for row in rows for key in pictures)
    there = [told for kind, told in kinds.items() if drawn and any(key.endswith(kind) for key in keys)]
    told = [f"log scale: {', '.join(there)}"] if there else []
    told += [f"{sign}: {what}" for sign, what in SIGNS.items() if sign in drawn]
    told += ["stopped: no gradient passes"] if STOPPED in keys else []
    return "; ".join(told)


def found(row: LayerHistory | ParameterHistory, report: Report) -> tuple[str, str]:
    """The codes of the findings that name this row, behind the mark of the worst of them; and the accent."""
    if not row.codes:
        return "", ""
    named = [f for f in report.findings if f.code in row.codes]
    about = {f.severity for f in named if row.name in (f.layer, f.gradient)} or {f.severity for f in named}
    worst: Severity = next((severity for severity in MARKS if severity in about), "info")
    shown = " ".join(visible(code) for code in row.codes[:CODES])
    more = f" +{len(row.codes) - CODES}" if row.codes[CODES:] else ""
    return f"{MARKS[worst]} {shown}{more}", STYLES[worst]
