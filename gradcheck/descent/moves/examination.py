"""One step taken apart: made, measured, judged, and explained where it is not what it should be."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from gradcheck.causes.seen_otherwise import gradients_seeing
from gradcheck.descent.adapt import landscape_of
from gradcheck.descent.given import Given
from gradcheck.descent.landscape import Landscape
from gradcheck.descent.moves.adding_up import adding_up
from gradcheck.descent.moves.buffers import Beside, carried_on, with_momentum
from gradcheck.descent.moves.by_hand import recognise
from gradcheck.descent.moves.catalogue import STEP_RULES, cause_of
from gradcheck.descent.moves.choose import belonging
from gradcheck.descent.moves.corners import taken_at_corners
from gradcheck.descent.moves.grouping import grouped, same_scale
from gradcheck.descent.moves.judge import judged, without_rounding
from gradcheck.descent.moves.later import ADDED_UP, later_cause
from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.rates import Rates, settings_for
from gradcheck.descent.moves.returned import as_returned
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.descent.moves.sequence import Step, steps_made
from gradcheck.descent.moves.sources import Gradients, GradientsOfLoss, GradientsRead, source_of
from gradcheck.descent.moves.stock import Standing, asked_of
from gradcheck.descent.moves.timeline import Timeline, followed
from gradcheck.descent.moves.weights import Array, Parameter, values_of, weights_of
from gradcheck.descent.moves.whose import what_moves
from gradcheck.descent.numpy_landscape import NumpyLandscape
from gradcheck.descent.torch_state import TorchState
from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import signature_of
from gradcheck.layers.values import some_of
from gradcheck.report import Finding
from gradcheck.state import State, seed_everything
from gradcheck.updates import UpdateResult

__all__ = ["Examination", "Request", "examine_step"]


@dataclass(frozen=True)
class Request:
    """A step and what was said of it."""

    step: Callable[[], Any]
    params: object
    gradients: object
    loss: Callable[..., Any] | None
    rates: Rates
    momentum: float | None
    decay: float | None
    steps: int
    seed: int


@dataclass
class Examination:
    """What was found."""

    updates: list[UpdateResult]
    findings: list[Finding]
    style: str
    made: int
    notes: list[str] = field(default_factory=list)


def examine_step(asked: Request) -> Examination:
    """Make the step, judge it, and leave everything as it was.

    Raises:
        GradcheckError: no parameters, gradients or learning rate are known, or the step raises.
    """
    roots = (asked.step, asked.params, asked.loss, asked.gradients)
    kept = TorchState(*roots)
    landscape: Landscape | None = None
    try:
        given = what_moves(asked.params, asked.step, kept)
        run = asked.loss if asked.loss is not None and not signature_of(asked.loss).required else None
        listed = weights_of(given, asked.step, run, (asked.loss, asked.gradients))
        if asked.loss is not None:
            landscape = landscape_of(asked.loss, given, asked.seed, roots)
        return _Taken(asked, kept, given, {p.name: p for p in listed}, landscape).examined()
    finally:
        if landscape is not None:
            landscape.restore()
        kept.restore()


class _Taken:
    """A step with all that belongs to it at hand."""

    def __init__(
        self,
        asked: Request,
        kept: TorchState,
        given: Given,
        parameters: dict[str, Parameter],
        landscape: Landscape | None,
    ) -> None:
        self.asked, self.kept, self.given, self.parameters, self.landscape = asked, kept, given, parameters, landscape
        found = source_of(asked.gradients, landscape, given, parameters)
        if found is None:
            raise GradcheckError(
                "gradients: none are known; give them, gradients={...} or a callable that returns them, or the loss, "
                "loss=lambda: net.loss(X, y), whose true gradients are taken then"
            )
        self.source: Gradients = found
        self.settings = settings_for(parameters, asked.rates, asked.momentum, asked.decay, kept.optimizers)
        self.notes: list[str] = []
        if any(g.get("maximize") for o in kept.optimizers for g in o.param_groups) and asked.rates is None:
            self.notes.append("the optimizer has maximize=True: the step is to go up the gradient")

    def examined(self) -> Examination:
        """Judge the first step, and look at those after it."""
        beside = Beside(self.kept.state, self.parameters.values())
        from_loss = isinstance(self.source, GradientsOfLoss)
        count = self.asked.steps if self.source.is_anew or from_loss else 1
        roots = [self.asked.step, *([self.given.whole] if self.given.kind == "object" else [])]
        try:
            made = steps_made(self.asked.step, self.parameters, self.source, roots, self.asked.seed, count,
                              self.kept.optimizers, beside.now)  # fmt: skip
        finally:
            self.kept.restore()
        if self.given.kind != "object":
            returned = as_returned(made)
            if returned is not None:
                made = returned
                self.notes.append(
                    "the step changes nothing in place: judged by the arrays that it returns (they have to be stored)"
                )
        self.at_first = made[0].standing
        every = self._all_moves(made, beside.at_first)
        if not any(m.gradient is not None for m in every[0].values()):
            raise GradcheckError(
                "gradients: none are known: the step leaves none beside the parameters (in .grad, or as dW beside W); "
                "give gradients={...} or a callable that returns them, or loss=lambda: net.loss(X, y)"
            )
        optimizer = self.kept.optimizers[0] if self.kept.optimizers else None
        seen = Seen(
            every[0],
            made,
            from_loss,
            self._sizes(),
            self._follow,
            self._gradients_at,
            self._gradients_seeing,
            self._out_of_reach(),
            every[1:],
            type(optimizer).__name__ if optimizer is not None else "",
            dict(optimizer.defaults) if optimizer is not None else {},
        )
        return self._told(seen, made)

    def _told(self, seen: Seen, made: list[Step]) -> Examination:
        results = {name: judged(move) for name, move in seen.moves.items()}
        results |= without_rounding(results, seen.moves)
        cornered: dict[str, UpdateResult] = {}
        if isinstance(self.source, GradientsOfLoss):
            cornered = self._at_corners(seen, [n for n, r in results.items() if r.verdict == "wrong"])
            results |= cornered
        causes: dict[str, Cause] = {}
        for name, result in results.items():
            cause = cause_of(seen.moves[name], seen) if result.verdict == "wrong" else None
            if cause is not None:
                causes[name] = cause
                if cause.is_undecided:
                    results[name] = replace(result, verdict="undecided", reason=cause.cause[0] if cause.cause else "")
        results |= self._later(seen, {n: r for n, r in results.items() if n not in cornered}, causes)
        in_grad = (
            self.given.kind == "tensors" and isinstance(self.source, GradientsRead) and self.asked.gradients is None
        )
        again = in_grad and not causes and len(made) > 1
        for name in adding_up(self.asked.step, self.parameters, self.kept, self.asked.seed) if again else ():
            causes[name] = ADDED_UP
            results[name] = replace(results[name], verdict="wrong", reason=ADDED_UP.cause[0])
        findings = [found for rule in STEP_RULES if (found := rule(seen)) is not None]
        findings += grouped(same_scale(causes, seen.moves))
        findings += [_replaced(name, *places) for name, places in made[0].left_behind.items() if self._apart(name)]
        frozen = [
            UpdateResult(name, (), "", "not differentiated", reason="requires_grad is False")
            for name in self.given.frozen
        ]
        if isinstance(self.source, GradientsRead) and self.landscape is not None:
            self._compare_with_loss(seen)
        for rule in dict.fromkeys(m.adaptive.said for m in seen.moves.values() if m.adaptive is not None):
            names = [n for n, m in seen.moves.items() if m.adaptive is not None and m.adaptive.said == rule]
            self.notes.append(f"{some_of(names)}: judged by what {rule} does with this gradient, not by -lr·g")
        what = "object" if self.given.kind == "object" else "torch" if self.given.kind == "tensors" else "arrays"
        style = f"one step ({what}), against -lr times {self.source.said}"
        return Examination([*results.values(), *frozen], findings, style, len(made), self.notes)

    def _later(
        self, seen: Seen, results: Mapping[str, UpdateResult], causes: dict[str, Cause]
    ) -> dict[str, UpdateResult]:
        """Judge those again that were right in the first step; what nothing explains counts where all else is right."""
        found: dict[str, UpdateResult] = {}
        settled = not causes
        for name, result in results.items():
            later = later_cause(name, seen) if result.verdict == "right" else None
            if later is None or (later[1].is_undecided and not settled):
                continue
            step, causes[name] = later
            again = judged(seen.later[step - 2][name])
            verdict: Literal["undecided", "wrong"] = "undecided" if causes[name].is_undecided else "wrong"
            found[name] = replace(again, verdict=verdict, reason=f"step {step}: {causes[name].cause[0]}")
        return found

    def _at_corners(self, seen: Seen, wrong: list[str]) -> dict[str, UpdateResult]:
        """Judge those again whose moves only differ where the loss has a corner."""
        found: dict[str, UpdateResult] = {}
        shapes = self.landscape.shapes if self.landscape is not None else {}
        start = 0
        for name, shape in shapes.items():
            if name in wrong and self.landscape is not None and seen.moves[name].adaptive is None:
                corners = taken_at_corners(seen.moves[name], self.landscape, start)
                if corners:
                    found[name] = judged(seen.moves[name])
                    said = "1 entry is" if corners == 1 else f"{corners} entries are"
                    self.notes.append(f"{name}: {said} at a corner of the loss, and moved by a slope of one side")
            start += math.prod(shape)
        return found

    def _apart(self, name: str) -> bool:
        """Whether two places that hold different arrays now held the same one, and not just the caller's own list."""
        return self.given.kind == "object" or self.parameters[name].again is not None

    def _all_moves(self, made: list[Step], beside: Mapping[str, Array]) -> list[dict[str, Move]]:
        """The moves of every step, each with the gradients that belong to it."""
        if isinstance(self.source, GradientsOfLoss):
            offered = [[self.source.at(step.before) or {}] for step in made]
        else:
            offered = [list(step.gradients) for step in made]
        firsts, said = [], []
        for gradients in offered[0]:
            moves = self._moves(made[0], gradients)
            for move in moves.values():
                move.buffers = [(label, b) for label, b in beside.items() if b.shape == move.before.shape]
                move.buffers_after = made[0].beside
            said.append({name: with_momentum(move) for name, move in moves.items()})
            firsts.append(moves)
        chosen = belonging(firsts)
        kinds = dict.fromkeys(kind for kind in said[chosen].values() if kind is not None)
        for kind in kinds:
            names = [name for name, other in said[chosen].items() if other == kind]
            self.notes.append(f"{some_of(names)}: {kind} is allowed for")
        every = [firsts[chosen], *(self._moves(s, g[chosen]) for s, g in zip(made[1:], offered[1:], strict=True))]
        for earlier, later in itertools.pairwise(every):
            for name, move in later.items():
                if move.momentum:
                    move.momentum_part = carried_on(move, earlier[name])
        recognise(every)
        return every

    def _moves(self, step: Step, gradients: Mapping[str, Array]) -> dict[str, Move]:
        moves = {}
        for name, p in self.parameters.items():
            set_to = self.settings[name]
            move = Move(name, p.dtype, p.epsilon, step.before[name], step.after[name], gradients.get(name),
                        set_to.lr, set_to.momentum, set_to.weight_decay)  # fmt: skip
            standing = step.standing.get(name)
            if standing is not None:
                move.asked = functools.partial(asked_of, standing, changes=self._changes(name, standing))
                move.stock = None if move.gradient is None else move.asked(move.gradient)
                if move.adaptive is not None:
                    move.momentum = move.weight_decay = 0.0  # they are in what the optimizer was asked for
            moves[name] = move
        return moves

    def _changes(self, name: str, standing: Standing) -> dict[str, float]:
        """What was said of the step in other words than the optimizer has it; its schedule goes on from there."""
        asked = self.asked
        changes = {"momentum": asked.momentum, "weight_decay": asked.decay}
        found = {key: value for key, value in changes.items() if value is not None}
        if asked.rates is not None:
            begun = float(self.at_first[name].settings["lr"])
            found["maximize"] = False  # what was given says which way to go
            found["lr"] = self.settings[name].lr * (float(standing.settings["lr"]) / begun if begun else 1.0)
        return found

    def _out_of_reach(self) -> frozenset[str]:
        if self.given.kind != "arrays":
            return frozenset()
        reached = {id(array) for array in State(self.asked.step).arrays}
        return frozenset(name for name, p in self.parameters.items() if id(p.original) not in reached)

    def _sizes(self) -> dict[str, Array]:
        own = {id(p.original) for p in self.parameters.values()}
        return {
            slot.path: value
            for slot in self.kept.state.slots
            if isinstance(value := slot.get(), np.ndarray) and id(value) not in own and value.ndim
        }

    # -- looking closer ------------------------------------------------------------------------------------

    def _follow(self) -> Timeline | None:
        try:
            self.source.before()
            seed_everything(self.asked.seed)
            with np.errstate(all="ignore"):
                return followed(self.asked.step, self.parameters)
        finally:
            self.kept.restore()

    def _gradients_at(self, moved: Mapping[str, Array]) -> dict[str, Array] | None:
        if self.landscape is None:
            return None
        return GradientsOfLoss(self.landscape, self.parameters).at({**self._start(), **moved})

    def _gradients_seeing(self, moved: Mapping[str, Array]) -> dict[str, Array] | None:
        if not isinstance(self.landscape, NumpyLandscape):
            return None
        subject = self.landscape.subject
        values = {n: v.astype(np.float64) for n, v in subject.values().items()}
        if not set(moved) <= set(values):
            return None
        return gradients_seeing(subject, values, self.landscape.ones, dict(moved))

    def _start(self) -> dict[str, Array]:
        return values_of(self.parameters)

    def _compare_with_loss(self, seen: Seen) -> None:
        true = self._gradients_at({})
        for name, move in seen.moves.items():
            if true is None or move.gradient is None:
                continue
            other = Move(name, move.dtype, move.epsilon, move.before, move.before - move.gradient, true[name], 1.0)
            if not other.is_multiple_by(1.0) and np.any(true[name] != move.gradient):
                self.notes.append(
                    f"{name}: the gradient that was given is not that of the loss; check_network says why"
                )


def _replaced(name: str, new: str, old: str) -> Finding:
    return Finding(
        "GC403",
        "warning",
        f"{name} was replaced in one place and not in another",
        gradient=name,
        cause=(f"{new} holds the new array; {old} still holds the old one",),
        help=("change the array in place, or put the new one everywhere: whoever reads the other sees no update",),
    )
