"""Births in NumPy code: bad values are put under suspicion where they come up, and told when they do harm.

A mask of -inf, or a logarithm of 0 whose result ``np.where`` does not take, is no birth. So what comes up bad is held,
what is made from it is followed by the memory it lies in, and only what reaches a parameter, a gradient that is kept
or the loss is told, with what lay between as its consequences.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np

from gradcheck.health.sample import Birth
from gradcheck.trace.sites import Site, current_site, user_frame
from gradcheck.watching.arrays.events import root
from gradcheck.watching.arrays.offenders import Offender, first_bad, offenders
from gradcheck.watching.arrays.plain import finite, floats_in
from gradcheck.watching.arrays.suspects import Suspect
from gradcheck.watching.arrays.words import operand_value, source_of

__all__ = ["Births"]

_HELD = 64  # suspects at a time
_TOLD = 3  # births told of one step
_STEPS = 200  # how often one place outside the followed arrays is looked into

Array = np.ndarray[Any, Any]


class Births:
    """Suspects, the memory they have reached, and the judgement at the end of a step."""

    def __init__(self, born: Callable[[Birth], object], path_of: Callable[[object], str]) -> None:
        self.step = 0
        self.tainted: dict[int, tuple[weakref.ref[Array], tuple[Suspect, ...]]] = {}
        self._born = born
        self._path_of = path_of
        self._suspects: list[Suspect] = []
        self._loose: list[Suspect] = []  # those of this step that went on as numbers, or by ways that are not seen
        self._old: dict[int, tuple[Array, str]] = {}  # bad when the watch began
        self._told: set[tuple[Any, int]] = set()
        self._looked: dict[tuple[Any, int], int] = {}
        self._dormant = False
        self._order = 0
        self.parameters: set[int] = set()  # ids of the roots of arrays in slots

    # -- what comes up ---------------------------------------------------------------------------------------

    def was_there(self, path: str, array: Array) -> None:
        """An array that is bad before anything was seen."""
        if array.dtype.kind in "fc" and not finite(array):
            self._old[id(root(array))] = (root(array), path)

    def look(
        self,
        function: Any,
        inputs: Sequence[Any],
        output: Any,
        *,
        keywords: dict[str, Any] | None = None,
        elementwise: bool = False,
        overwritten: tuple[int, ...] = (),
        site: Site | None = None,
    ) -> None:
        """An operation was made that may have a bad output."""
        bad = [x for x in floats_in(output) if not finite(x)]
        if not bad:
            return
        site = site or current_site()
        nan = any(np.isnan(x).any() for x in bad)
        sources, entered, had_nan = self._sources(inputs, overwritten, site, function)
        fresh = self._fresh(bad[0], inputs, elementwise, overwritten) if sources else None
        # NaN out of infinities that are nobody's doing, a mask's: it is made here
        from_infinity = nan and not had_nan and not overwritten and bool(sources) and all(s.entered for s in sources)
        if not sources or fresh is not None or from_infinity:
            made = self._suspect(function, inputs, bad[0], fresh, site, keywords or {}, elementwise, overwritten)
            made.masked = from_infinity
            sources = (*(() if from_infinity else sources), made)
        for suspect in entered if not from_infinity else ():
            self._hold(suspect)
        for suspect in sources:
            if suspect.site.code is not site.code or suspect.site.instruction != site.instruction:
                suspect.led(site, function, "NaN" if nan else "Inf")
        for x in bad:
            self.taint(x, sources)

    def _sources(
        self, inputs: Sequence[Any], overwritten: tuple[int, ...], site: Site, function: Any
    ) -> tuple[tuple[Suspect, ...], list[Suspect], bool]:
        """The suspects behind bad operands, those among them that come in here, and whether an operand holds NaN."""
        sources: dict[Suspect, None] = {}
        entered: list[Suspect] = []
        had_nan = False
        for i, operand in enumerate(inputs):
            for x in floats_in(operand):
                known = self.tainted.get(id(root(x))) if isinstance(x, np.ndarray) else None
                if i in overwritten:
                    sources.update(dict.fromkeys(known[1] if known else ()))
                    continue
                if finite(x):
                    continue
                had_nan = had_nan or bool(np.isnan(x).any())
                found = known[1] if known else self.explained(x)
                if not found:
                    found = (self._entered(i, x, site, function),)
                    entered.extend(found)
                    if isinstance(x, np.ndarray) and np.isnan(x).any():  # a mask of -inf stays out of suspicion
                        self.taint(x, found)
                sources.update(dict.fromkeys(found))
        return tuple(sources), entered, had_nan

    def explained(self, x: Any) -> tuple[Suspect, ...]:
        """Who made a bad value that came by a way that is not seen: a suspect of this step, if one fits."""
        nan = bool(np.isnan(x).any())
        fitting = [s for s in self._loose if nan or s.what == "Inf"]
        return tuple(fitting[:1])

    def _entered(self, position: int, x: Any, site: Site, function: Any) -> Suspect:
        bad = ~np.isfinite(x)
        index = first_bad(np.asarray(bad), np.asarray(x)) or None
        before = self._old.get(id(root(x))) if isinstance(x, np.ndarray) else None
        self._order += 1
        return Suspect(
            self._order,
            self.step,
            "NaN" if np.isnan(x).any() else "Inf",
            site,
            function,
            entries=int(np.count_nonzero(bad)),
            size=int(np.size(x)),
            index=index,
            offenders=(Offender(position, index, x[index] if index else x),),
            entered=True,
            remark=f"{before[1]} held it when the watch began" if before else "",
        )

    @staticmethod
    def _fresh(bad: Any, inputs: Sequence[Any], elementwise: bool, overwritten: tuple[int, ...]) -> Array | None:
        """The bad entries made of good ones, where operands hold bad entries elsewhere; None where there are none."""
        if not elementwise or overwritten:
            return None
        fresh = ~np.isfinite(bad)
        for x in inputs:
            if floats_in(x):
                try:
                    fresh = fresh & np.isfinite(x)
                except ValueError:
                    return None
        return fresh if fresh.any() else None

    def _suspect(
        self,
        function: Any,
        inputs: Sequence[Any],
        output: Any,
        fresh: Array | None,
        site: Site,
        keywords: dict[str, Any],
        elementwise: bool,
        overwritten: tuple[int, ...],
    ) -> Suspect:
        values = np.asarray(output)
        bad = np.asarray(fresh) if fresh is not None else ~np.isfinite(values)
        index = first_bad(bad, values)
        self._order += 1
        suspect = Suspect(
            self._order,
            self.step,
            "NaN" if np.isnan(values[index]) else "Inf",
            site,
            function,
            entries=int(np.count_nonzero(bad)),
            size=values.size,
            index=index if values.ndim else None,
            offenders=offenders(function, elementwise, inputs, keywords, index, overwritten),
            layer=self._layer(),
            into_parameter=isinstance(output, np.ndarray) and id(root(output)) in self.parameters,
        )
        self._hold(suspect)
        return suspect

    def _hold(self, suspect: Suspect) -> None:
        if len(self._suspects) < _HELD:
            self._suspects.append(suspect)

    def _layer(self) -> str:
        frame = user_frame()
        if frame is None or frame.f_code.co_varnames[:1] != ("self",):
            return ""
        return self._path_of(frame.f_locals.get("self"))

    def taint(self, x: Any, suspects: Sequence[Suspect]) -> None:
        """This array, or number, came from them."""
        if not isinstance(x, np.ndarray):
            self._loose.extend(s for s in suspects if s not in self._loose)
            return
        base = root(x)
        key = id(base)
        held = self.tainted.get(key)
        both = dict.fromkeys((*(held[1] if held else ()), *suspects))
        tainted = self.tainted
        self.tainted[key] = (weakref.ref(base, lambda _: tainted.pop(key, None)), tuple(both)[:8])

    def copied(self, source: Array, target: Any) -> None:
        """``target``, an array or a number, may hold what ``source`` holds."""
        known = self.tainted.get(id(root(source)))
        if known is None or (isinstance(target, np.ndarray) and root(source) is root(target)):
            return
        if not finite(target):
            self.taint(target, known[1])

    def set(self, array: Array, value: float) -> None:
        """A number that is not finite was written into an array: one that was made before, or the line's own.

        Minus infinity is what masks are made of, and has nothing behind it.
        """
        known = self.explained(value)
        if not known and value != -np.inf:
            self._order += 1
            what: Literal["NaN", "Inf"] = "NaN" if np.isnan(value) else "Inf"
            made = Suspect(self._order, self.step, what, current_site(), np.ndarray.__setitem__, layer=self._layer())
            self._hold(made)
            known = (made,)
        self.taint(array, known)

    def elsewhere(self, kind: str, operation: str) -> None:
        """An operation without followed arrays raised a floating-point error."""
        frame = user_frame()
        if frame is None:
            return
        place = (frame.f_code, frame.f_lasti)
        self._looked[place] = self._looked.get(place, 0) + 1
        if self._looked[place] > _STEPS:
            return
        site = current_site()
        function = getattr(np, operation.removeprefix("scalar "), None)
        source = source_of(site)
        names = frame.f_locals
        values = [operand_value(node, names, frame.f_globals) for node in source.operands]
        self._order += 1
        suspect = Suspect(
            self._order,
            self.step,
            "NaN" if kind == "invalid value" else "Inf",
            site,
            function or operation,
            tracked=False,
            layer=self._layer(),
        )
        if isinstance(function, np.ufunc) and len(values) == function.nin and all(v is not None for v in values):
            suspect.made_again(function, values)
        self._hold(suspect)
        self._loose.append(suspect)

    @property
    def suspicious(self) -> bool:
        """Whether there is anything to judge."""
        return bool(self.tainted or self._suspects or self._loose or self._dormant)

    # -- the judgement ---------------------------------------------------------------------------------------

    def judge(
        self, step: int, loss: Any, places: Iterable[tuple[str, Array, bool]], unfinished: Iterable[Array] | None = None
    ) -> None:
        """The step ends. ``places`` are (path, array, whether an infinity is harm there, too).

        Of a step that was left ``unfinished`` these are the arrays that the network holds: a NaN may be on its way.
        """
        guilty: dict[Suspect, list[str]] = {}
        unknown: list[tuple[str, str]] = []
        hurt = False
        for path, array, strict in places:
            if finite(array):
                continue
            nan = bool(np.isnan(array).any())
            if not (nan or strict):
                continue
            hurt = True
            known = self.tainted.get(id(root(array)))
            what = "NaN" if nan else "Inf"
            found = known[1] if known else self.explained(array)
            for suspect in found:
                guilty.setdefault(suspect, []).append(f"{path} is {what} at the end of the step")
            if not found:
                unknown.append((what, path))
        if loss is not None and not finite(loss):
            what = "NaN" if np.isnan(loss).any() else "Inf"
            found = self.explained(loss) or tuple(self._alive()[:1])
            for suspect in found:
                guilty.setdefault(suspect, []).append(f"the loss is {what}")
            if not found and not unknown:
                unknown.append((what, "the loss"))
        if unfinished is not None and not guilty and not hurt:
            held = {s for x in unfinished for s in self.tainted.get(id(root(x)), (None, ()))[1]}
            now = [s for s in self._alive() if s.step == self.step or s in held]
            guilty = {s: [] for s in now if s.what == "NaN" or any(w == "NaN" for *_, w in s.led_to.values())}
            if self.step == 0 and not guilty:  # no step was ever marked: a number may have been the loss
                guilty = {s: ["it went on into a number"] for s in self._loose if s in now and s.tracked and s.led_to}
        told = not self._dormant and (guilty or unknown)
        self._dormant = hurt
        births = self._births(guilty, unknown, step) if told else []
        self._forget()
        for birth in births:
            self._born(birth)

    def _births(self, guilty: dict[Suspect, list[str]], unknown: list[tuple[str, str]], step: int) -> list[Birth]:
        births: list[Birth] = []
        for suspect in sorted(guilty, key=lambda s: s.order):
            place = (suspect.site.code, suspect.site.instruction)
            if place not in self._told and len(births) < _TOLD:
                self._told.add(place)
                births.append(suspect.birth(tuple(dict.fromkeys(guilty[suspect]))[:_TOLD]))
        if births or guilty or not unknown:
            return births
        what, path = unknown[0]
        old = any(name == path for _, name in self._old.values())
        if old:
            operation, remark = path, "it was there when the watch began"
        else:
            operation, remark = "an operation that was not seen", "it came by a way that is not followed"
        ends = tuple(f"{name} is {kind}" for kind, name in unknown[:_TOLD])
        kind: Literal["NaN", "Inf"] = "NaN" if what == "NaN" else "Inf"
        inputs: Literal["bad", "unknown"] = "bad" if old else "unknown"
        return [Birth(step, "forward", kind, operation, None, consequences=ends, remark=remark, inputs=inputs)]

    def _alive(self) -> list[Suspect]:
        """Suspects of this step, and earlier ones whose consequences are still in memory, oldest first."""
        living = {s for _, held in list(self.tainted.values()) for s in held}
        return [s for s in self._suspects if s in living or s in self._loose]

    def _forget(self) -> None:
        living = {s for _, held in list(self.tainted.values()) for s in held}
        self._suspects = [s for s in self._suspects if s in living]
        self._loose.clear()

    def clear(self) -> None:
        """Hold nothing any more."""
        self.tainted.clear()
        self._suspects.clear()
        self._loose.clear()
        self._old.clear()
