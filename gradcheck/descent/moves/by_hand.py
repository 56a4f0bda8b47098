"""Adaptive rules that are written by hand (Adam, RMSprop, AdaGrad), recognised by the moves of several steps.

The rule is made anew from the gradients, from moments that are zero or that stand beside the parameter, with the
settings that are in use; where one of them gives every step to within rounding, the parameter is judged by it.
Adam: Kingma and Ba 2015, algorithm 1; RMSprop: Tieleman and Hinton 2012; AdaGrad: Duchi, Hazan and Singer 2011.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradcheck.descent.moves.move import Array, Move, Stock, rounding_of
from gradcheck.difference import norm

__all__ = ["Adaptive", "recognise"]

_SLOW = (0.9, 0.5, 0.8, 0.95, 0.99)
_SQUARES = (0.999, 0.99, 0.95, 0.9, 0.98, 0.9999)
_EPSILONS = (1e-8, 1e-7, 1e-6, 1e-10, 1e-5, 1e-12, 1e-15, 1e-4, 1e-3, 0.0)
_LOOKED_AT = 256  # entries, before a rule is held against all
_STEPS = 20_000  # that may have been made before
_HELD = 4  # arrays beside a parameter that may be its moments


@dataclass(frozen=True)
class Adaptive:
    """One rule with its settings. ``fault`` says in which way it is not what it is called."""

    kind: Literal["Adam", "RMSprop", "AdaGrad"]
    beta: float = 0.0
    gamma: float = 0.0
    epsilon: float = 0.0
    inside: bool = False  # ε is added to the squares, under the root
    fault: Literal["", "uncorrected", "uncounted", "forgotten"] = ""

    @property
    def said(self) -> str:
        """The rule and its settings."""
        epsilon = f"ε = {self.epsilon:g}" + (" under the root" if self.inside else "")
        if self.kind == "Adam":
            return f"Adam (β1 = {self.beta:g}, β2 = {self.gamma:g}, {epsilon})"
        return f"RMSprop (decay {self.gamma:g}, {epsilon})" if self.kind == "RMSprop" else f"AdaGrad ({epsilon})"

    def directions(self, gradients: Sequence[Array], m: Array, v: Array, t: int) -> Iterator[Array]:
        """What each step takes lr times away."""
        for k, g in enumerate(gradients):
            if self.fault == "forgotten":
                m, v = np.zeros_like(g), np.zeros_like(g)
            m = self.beta * m + (1 - self.beta) * g
            v = v + g * g if self.kind == "AdaGrad" else self.gamma * v + (1 - self.gamma) * g * g
            first, second = m, v
            if self.kind == "Adam" and self.fault != "uncorrected":
                count = 1 if self.fault in ("uncounted", "forgotten") else t + k + 1
                first, second = m / (1 - self.beta**count), v / (1 - self.gamma**count)
            root = np.sqrt(second + self.epsilon) if self.inside else np.sqrt(second) + self.epsilon
            yield np.divide(first, root, out=np.zeros_like(first), where=root > 0)


def recognise(every: Sequence[Mapping[str, Move]]) -> list[str]:
    """Give the moves of all steps the rule that explains them, where -lr·g does not; in words, what was found."""
    found: dict[Adaptive, list[str]] = {}
    if len(every) < 2:
        return []
    for name, first in sorted(every[0].items(), key=lambda item: -item[1].before.size):
        moves = [moves[name] for moves in every]
        unusable = any(m.gradient is None or m.stock is not None or m.momentum or not norm(m.delta) for m in moves)
        if unusable or first.is_multiple_by(1.0) or first.before.size < 2:
            continue
        gradients = [np.asarray(m.gradient) for m in moves]
        for rule, (m, v, t) in _candidates(found, moves, gradients):
            made = [lr_g * moves[0].lr for lr_g in rule.directions(gradients, m, v, t)]
            slack = _turned(rule, moves, gradients, (m, v, t))
            if all(_fits(move, delta, more) for move, delta, more in zip(moves, made, slack, strict=True)):
                for move, delta, more in zip(moves, made, slack, strict=True):
                    move.by_hand = rule
                    decayed = move.lr * move.weight_decay * move.before
                    move.stock = None if rule.fault else Stock(rule.said, -delta - decayed, more, by_hand=True)
                found.setdefault(rule, []).append(name)
                break
    return [rule.said for rule in found]


State = tuple[Array, Array, int]


def _candidates(
    known: Mapping[Adaptive, object], moves: Sequence[Move], gradients: Sequence[Array]
) -> Iterator[tuple[Adaptive, State]]:
    """Rules that explain some of the entries, those first that another parameter moves by."""
    some = _some_of(gradients[0])
    zero = np.zeros_like(gradients[0])
    few = [g.reshape(-1)[some] for g in gradients]
    deltas = [(m.delta + m.lr * m.weight_decay * m.before).reshape(-1)[some] for m in moves]
    blur = moves[0].blur + 1e-12
    lost = [m.epsilon * norm(m.before.reshape(-1)[some]) for m in moves]
    buffers = _nearest(moves[0])
    standing: dict[tuple[str, float, float, str], list[State]] = {}
    for rule in dict.fromkeys((*known, *_rules())):
        starts: list[tuple[Array, Array, int]] = [(zero, zero, 0)]
        if rule.fault != "forgotten" and buffers:
            key = rule.kind, rule.beta, rule.gamma, rule.fault  # ε does not matter for them
            if key not in standing:
                standing[key] = list(_standing(rule, buffers, moves[0], few[0], deltas[0], some))
            starts += standing[key]
        for m, v, t in starts:
            wanted = rule.directions(few, m.reshape(-1)[some], v.reshape(-1)[some], t)
            pairs = zip(wanted, deltas, lost, strict=True)
            with np.errstate(all="ignore"):
                if all(norm(d + moves[0].lr * w) <= 2 * blur * norm(d) + more for w, d, more in pairs):
                    yield rule, (m, v, t)


def _rules() -> Iterator[Adaptive]:
    yield from (Adaptive("Adam", 0.9, 0.999, e, inside, "forgotten") for e in _EPSILONS for inside in (False, True))
    for fault in ("", "uncorrected", "uncounted"):
        for beta, gamma, epsilon, inside in itertools.product(_SLOW, _SQUARES, _EPSILONS, (False, True)):
            yield Adaptive("Adam", beta, gamma, epsilon, inside, fault)
    for epsilon, inside in itertools.product(_EPSILONS, (False, True)):
        yield from (Adaptive("RMSprop", 0.0, gamma, epsilon, inside) for gamma in _SQUARES)
        yield Adaptive("AdaGrad", 0.0, 0.0, epsilon, inside)


def _nearest(move: Move) -> list[tuple[str, Array]]:
    """Arrays that may be its moments: those first that are called like it, v['W'] of W."""
    word = move.name.rpartition(".")[2]
    return sorted(move.buffers, key=lambda held: word not in held[0])[:_HELD]


def _standing(
    rule: Adaptive, buffers: Sequence[tuple[str, Array]], move: Move, g: Array, delta: Array, some: Array
) -> Iterator[State]:
    """Moments that may have been kept, with the count of steps at which their correction fits the first move."""
    squares = [array for _, array in buffers if np.all(array >= 0)]
    slow = [array for _, array in buffers] if rule.kind == "Adam" else [np.zeros_like(move.before)]
    for m, v in itertools.product(slow, squares):
        if m is v:
            continue
        if rule.kind != "Adam" or rule.fault:
            yield m, v, 0
            continue
        plain = Adaptive("Adam", rule.beta, rule.gamma, 0.0, fault="uncorrected")
        [wanted] = plain.directions([g], m.reshape(-1)[some], v.reshape(-1)[some], 0)
        if not (length := norm(wanted)):
            continue
        # Δ = -lr·√(1-γ^t)/(1-β^t)·m/√v but for ε: the factor tells t
        factor = -float(np.vdot(wanted / length, delta) / length) / move.lr
        t = np.arange(1, _STEPS)
        off = abs(np.sqrt(1 - rule.gamma**t) / (1 - rule.beta**t) / factor - 1) if factor > 0 else np.ones(1)
        if float(off.min()) < 1e-3:
            yield m, v, int(off.argmin())


def _some_of(gradient: Array) -> Array:
    """Entries to look at: the largest, and some from everywhere."""
    flat = np.abs(gradient.reshape(-1))
    large = np.argsort(flat)[-_LOOKED_AT // 2 :]
    return np.union1d(large, np.arange(0, flat.size, max(1, 2 * flat.size // _LOOKED_AT)))


def _turned(rule: Adaptive, moves: Sequence[Move], gradients: Sequence[Array], state: State) -> list[float]:
    """‖·‖ of how far rounding in the gradients may turn each move: entries near 0 move as far as any other."""
    shifted = []
    for move, g in zip(moves, gradients, strict=True):
        noise = rounding_of(move.epsilon, g.size) * math.sqrt(float(np.mean(g * g)))
        signs = np.where(np.arange(g.size) % 2, 1.0, -1.0).reshape(g.shape)
        shifted.append(np.where(g != 0, noise, 0.0) * signs)
    plain = list(rule.directions(gradients, *state))
    turned = [np.zeros_like(d) for d in plain]
    for sign in (1, -1):
        moved = rule.directions([g + sign * s for g, s in zip(gradients, shifted, strict=True)], *state)
        turned = [np.maximum(most, abs(a - b)) for most, a, b in zip(turned, moved, plain, strict=True)]
    return [abs(moves[0].lr) * norm(most) for most in turned]


def _fits(move: Move, taken: Array, slack: float) -> bool:
    wanted = -taken - move.lr * move.weight_decay * move.before
    return (
        norm(move.delta - wanted) <= rounding_of(move.epsilon, move.before.size) * norm(wanted) + slack + move.rounding
    )
