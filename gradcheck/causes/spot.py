"""One place under suspicion: what depends on it, and what a change there would give."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from gradcheck.causes.candidate import Array, Candidate, Sized
from gradcheck.causes.case import Case
from gradcheck.causes.factors import Factor, factor, is_multiple, is_odd
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, all_changed, nothing
from gradcheck.causes.source import operands_of
from gradcheck.causes.stage import Stage
from gradcheck.difference import norm

__all__ = ["Hypothesis", "Made", "Spot", "Trial", "factor_in"]


class Made(Protocol):
    """The changes of a hypothesis in any case, its derivative taken so many times."""

    def __call__(self, case: Case, times: float) -> Mapping[int, Change] | None:
        """The changes, by the number of the gate; None where they have no meaning."""


# A factor is tried where the change, taken that many times, leaves at most this much of the difference.
_PROMISING = 0.05
_FEW = 2


@dataclass(frozen=True)
class Hypothesis:
    """How a change is called and mended; the fields are those of a candidate."""

    code: str
    title: str
    detail: Sequence[str] = ()
    help: Sequence[str] = ()
    short: str = ""
    cost: float = 1.0
    is_odd: bool = False
    size: Sized | None = None


@dataclass(frozen=True, eq=False)
class Trial:
    """A hypothesis and what it predicts."""

    candidate: Candidate
    gradients: Mapping[str, Array]


@dataclass(eq=False)
class Spot:
    """A place at which what comes back may be changed, in a search that stands at ``stage``.

    With ``k`` only what goes back to that argument is under suspicion.
    """

    stage: Stage
    place: Place
    k: int | None = None

    @functools.cached_property
    def gates(self) -> list[Gate]:
        """Its executions."""
        return self.place.gates(self.stage.case)

    @functools.cached_property
    def without(self) -> dict[str, Array]:
        """The gradients when nothing goes back through it, or to its input ``k``."""
        change = nothing if self.k is None else functools.partial(_without, self.k)
        return self.stage.gradients(all_changed(self.gates, change))

    def inputs(self) -> Iterator[Spot]:
        """Its inputs under suspicion one by one, where there are several and it can be computed again."""
        slots = sorted({slot for g in self.gates for slot in g.slots})
        if len(slots) > 1 and all(g.operation.rule is not None for g in self.gates):
            yield from (Spot(self.stage, self.place, k) for k in slots)

    @property
    def operand(self) -> str:
        """The source text of input ``k``; empty for the whole."""
        if self.k is None:
            return ""
        operands = operands_of(self.place.site)
        return operands[self.k] if self.k < len(operands) else f"input {self.k + 1}"

    @functools.cached_property
    def affected(self) -> tuple[str, ...]:
        """The arrays whose gradients depend on it."""
        return self.stage.differing(self.without)

    def matters(self) -> bool:
        """Whether a gradient that is not explained depends on it."""
        return bool(set(self.affected) & set(self.stage.unexplained))

    def is_suspect(self) -> bool:
        """Whether it is used, and by unexplained gradients alone: a change of a right one would be seen."""
        return bool(self.affected) and set(self.affected) <= set(self.stage.unexplained)

    def once(self, hypothesis: Hypothesis, changes: Callable[[Case], Mapping[int, Change] | None]) -> Iterator[Trial]:
        """One change, tried."""
        made = changes(self.stage.case)
        if made is None:
            return
        candidate = self.candidate(hypothesis, changes)
        # the gradients next to the outputs cost least, and show whether the others are worth their price
        near = [n for n in self.affected if n in self.stage.unexplained][-_FEW:]
        try:
            gradients = self.stage.gradients(made, near)
        except (NotImplementedError, RuntimeError, TypeError, ValueError):
            return  # what PyTorch does not compute for these arrays is no explanation of what NumPy computed
        if not all(np.all(np.isfinite(array)) for array in gradients.values()):
            return
        if len(near) < len(self.affected) and any(self.stage.case.off(n, g) < _PROMISING for n, g in gradients.items()):
            gradients = self.stage.gradients(made)
        yield Trial(candidate, gradients)

    def times(self, hypothesis: Hypothesis, made: Made, without: Mapping[str, Array] | None = None) -> Iterator[Trial]:
        """One change, and a multiple of it where that comes much closer.

        ``without`` are the gradients where the changed part of the derivative is zero (default: where nothing goes
        back through the place). The prediction is linear in that part, so two evaluations give the best multiple.
        """
        stage = self.stage
        tried = list(self.once(hypothesis, functools.partial(made, times=1.0)))
        yield from tried
        part = self.without if without is None else without
        for trial in tried:
            factor = stage.scale(part, trial.gradients)
            if not is_multiple(factor) or self.is_multiple_of_right(part, trial.gradients):
                return
            near = {n: part[n] + factor * (trial.gradients[n] - part[n]) for n in self.affected if n in trial.gradients}
            if min(stage.case.off(n, array) for n, array in near.items()) > _PROMISING:
                return
            shown = self.factor(factor)
            odd = is_odd(shown, factor)
            dearer = replace(
                hypothesis,
                title=f"{hypothesis.title}, {shown.shown} times{shown.meaning}",
                cost=hypothesis.cost + (1.5 if odd else 0.3),
                is_odd=odd,
                size=Sized(factor, shown.meaning, lambda _: None),
            )
            yield from self.once(dearer, functools.partial(made, times=factor))

    def is_multiple_of_right(self, without: Mapping[str, Array], within: Mapping[str, Array]) -> bool:
        """Whether a change makes what goes back here a mere multiple: then that is what its multiple is, nothing else.

        Labels in another order change nothing where every sample has the same gradient, say.
        """
        names = [n for n in self.affected if n in within]
        right = [self.stage.prediction[n] - without[n] for n in names]
        made = [within[n] - without[n] for n in names]
        across = sum(float(np.vdot(r, m)) for r, m in zip(right, made, strict=True))
        whole = math.hypot(*map(norm, right)) * math.hypot(*map(norm, made))  # squares of 1e200 overflow
        return math.isfinite(whole) and abs(across) >= (1 - 1e-12) * whole

    @functools.cached_property
    def _caller(self) -> tuple[str, ...]:
        """From where the function is called, if it is from several places."""
        recording, site = self.stage.case.recording, self.place.site
        paths = {s.path for s in recording.sites if s.code is site.code} if recording is not None else set()
        return (self.place.called,) if len(paths) > 1 else ()

    def candidate(
        self,
        hypothesis: Hypothesis,
        changes: Callable[[Case], Mapping[int, Change] | None],
        names: tuple[str, ...] = (),
    ) -> Candidate:
        """A change here as the search takes it, for the gradients of ``names`` (default: all that depend on it)."""
        return Candidate(
            hypothesis.code,
            hypothesis.title,
            names or self.affected,
            changes=changes,
            where=self.place.where,
            detail=(*self._caller, *hypothesis.detail),
            help=tuple(hypothesis.help),
            short=hypothesis.short,
            cost=hypothesis.cost,
            is_odd=hypothesis.is_odd,
            size=hypothesis.size,
        )

    def factor(self, times: float) -> Factor:
        """A factor as it is written, with what it may stand for."""
        return factor_in(self.stage.case, times)


def factor_in(case: Case, times: float) -> Factor:
    """A factor with what it may stand for among the sizes of a case."""
    upstream = case.upstreams[0] if len(case.upstreams) == 1 else None
    return factor(times, "it", dict(case.values), upstream, lambda: case.result_shapes)


def _without(k: int, gate: Gate, gradient: torch.Tensor) -> Flow:
    own = enumerate(gate.derivative(gradient))
    return Flow(to={j: g for j, g in own if g is not None and j != gate.number(k)})
