"""A bad value under suspicion: where it came up, and what it led to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Literal

import numpy as np

from gradcheck.health.sample import Birth
from gradcheck.trace.sites import Site
from gradcheck.watching.arrays.offenders import Offender, first_bad, in_words, offenders
from gradcheck.watching.arrays.words import operation_name, phase_of, source_of

__all__ = ["Suspect"]

_MOST = 6


@dataclass(eq=False, slots=True)
class Suspect:
    """An operation whose output is bad while its inputs were good, or a value that was bad when it was first met."""

    order: int
    step: int
    what: Literal["NaN", "Inf"]
    site: Site
    function: Any
    entries: int = 0
    size: int = 0
    index: tuple[int, ...] | None = None
    offenders: tuple[Offender, ...] = ()
    layer: str = ""
    into_parameter: bool = False
    entered: bool = False  # met, not made: from code that is not followed, or there from the beginning
    tracked: bool = True  # the output is known, so that what follows from it is seen
    masked: bool = False  # a NaN made of infinities that were meant
    remark: str = ""
    led_to: dict[tuple[CodeType, int], tuple[Site, Any, str]] = field(default_factory=dict)

    def led(self, site: Site, function: Any, what: str) -> None:
        """Note the operation as a consequence, once a place, and again where infinities turned to NaN at it."""
        place = (site.code, site.instruction)
        if place in self.led_to or len(self.led_to) < 4 * _MOST:
            self.led_to.setdefault(place, (site, function, what))

    def made_again(self, function: np.ufunc, values: Sequence[Any]) -> None:
        """Look at the same operation once more, for its result was not to be had."""
        with np.errstate(all="ignore"):
            try:
                output = np.asarray(function(*[np.asarray(v) for v in values]))
            except (TypeError, ValueError):
                return
        bad = ~np.isfinite(output)
        if not bad.any():
            return
        index = first_bad(bad, output)
        self.entries, self.size = int(np.count_nonzero(bad)), output.size
        self.index = index if output.ndim else None
        self.offenders = offenders(function, True, values, {}, index)

    def birth(self, ends: tuple[str, ...]) -> Birth:
        """In words. ``ends`` is where it reached the loss or a parameter."""
        source = source_of(self.site)
        operation = operation_name(self.site, self.function) if self.function is not None else "value"
        lines = [
            f"{what} in {operation_name(site, function)} at {_place(site)}"
            for site, function, what in self.led_to.values()
        ]
        more = [f"and at {len(lines) - _MOST} more places"] if len(lines) > _MOST else []
        return Birth(
            step=self.step,
            phase=phase_of(self.site, self.into_parameter),
            what=self.what,
            operation=operation,
            where=self.site.where,
            layer=self.layer,
            entries=self.entries,
            size=self.size,
            first_index=self.index,
            operands=in_words(self.offenders, source),
            consequences=(*lines[:_MOST], *more, *ends),
            remark=self.remark,
            inputs="bad" if self.entered else "masked" if self.masked else "finite",
        )


def _place(site: Site) -> str:
    where = site.where
    return f"line {where.line} in {where.function}: {where.source}"
