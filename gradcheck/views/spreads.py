"""The histograms of a watched training, and the words that stand at them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradcheck.views import numbers
from gradcheck.views.courses import short_names
from gradcheck.views.plain import visible

if TYPE_CHECKING:
    from gradcheck.report import Report
    from gradcheck.watched import Histogram, LayerHistory, ParameterHistory

__all__ = ["HEADING", "NOTHING_BUT_ZEROS", "Shown", "histograms"]

HEADING = "histograms of what was found at fault"
NOTHING_BUT_ZEROS = "every finite entry is 0"
WIDTH = 26
NEAR = 0.3  # of the axis: a word at 0 would stand in those at the ends


@dataclass(frozen=True, slots=True)
class Shown:
    """One histogram with the name of its layer or parameter, in full and cut, and what it is of."""

    name: str
    short: str
    told: str
    histogram: Histogram

    @property
    def looked_at(self) -> str:
        """How many entries the bars tell of."""
        found = self.histogram
        of = f" of {found.size:,}" if found.entries < found.size else ""
        return f"{found.entries:,}{of} entries"

    @property
    def left_out(self) -> str:
        """How many of them are in no bar; empty where all are."""
        found = self.histogram
        entries = max(found.entries, 1)
        told = [f"{numbers.share(found.zeros / entries)} exactly 0"] if found.zeros else []
        told += [f"{numbers.share(found.bad / entries)} not finite"] if found.bad else []
        return ", ".join(told)

    @property
    def remark(self) -> str:
        """Both."""
        return ", ".join(filter(None, (self.looked_at, self.left_out)))

    @property
    def ends(self) -> tuple[str, str]:
        """The numbers at both ends of the axis; empty where there is no bar."""
        found = self.histogram
        return (numbers.norm(found.low), numbers.norm(found.high)) if any(found.counts) else ("", "")

    @property
    def zero(self) -> float | None:
        """Where 0 lies, as a share of the axis; None where it is not on it."""
        found = self.histogram
        if found.log or not -math.inf < found.low < 0 < found.high < math.inf:
            return None
        return (found.low / 2) / (found.low / 2 - found.high / 2)

    @property
    def zero_named(self) -> bool:
        """Whether there is room for a word at 0."""
        return self.zero is not None and NEAR < self.zero < 1 - NEAR

    @property
    def bars(self) -> list[float]:
        """Heights, as shares of the highest."""
        most = max(self.histogram.counts, default=0)
        return [count / most if most else 0.0 for count in self.histogram.counts]

    @property
    def spoken(self) -> str:
        """The histogram in words, for who does not see it."""
        low, high = self.ends
        shape = f"from {low} to {high}, most near {numbers.norm(self._mode())}" if low else "no bar"
        return f"{self.name}, {self.told}: {shape}; {self.remark}"

    def _mode(self) -> float:
        found = self.histogram
        share = (found.counts.index(max(found.counts)) + 0.5) / len(found.counts)
        if not found.low <= found.high or (found.log and found.low <= 0):
            return math.nan
        if found.log:
            low, high = math.log10(found.low), math.log10(found.high)
            return float(10 ** (low + share * (high - low)))
        return found.low * (1 - share) + found.high * share


def histograms(report: Report) -> list[Shown]:
    """All that the report holds: of the layers in their order, then of the parameters."""
    watched = report.watched
    if watched is None:
        return []
    return [*_of(watched.layers), *_of(watched.parameters)]


def _of(rows: Sequence[LayerHistory | ParameterHistory]) -> Iterator[Shown]:
    for row, short in zip(rows, short_names(rows, WIDTH), strict=True):
        for found in row.histograms:
            what = "magnitudes of the gradient" if found.log else found.of
            yield Shown(visible(row.name), short, f"{what}, step {found.step}", found)
