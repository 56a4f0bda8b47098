"""Adaptive rules that are written by hand (Adam, RMSprop, AdaGrad), recognised by the moves of several steps.

The rule is made anew from the gradients, from moments that are zero or that stand beside the parameter, with the
settings that are in use; where one of them gives every step to within rounding, the parameter is judged by it.
Settings that are not among the usual ones are fitted.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.descent.moves.adaptive import Adaptive
from gradcheck.descent.moves.fitted import ENOUGH, Start, State, fitted, rounded
from gradcheck.descent.moves.move import Array, Move, Stock, rounding_of
from gradcheck.difference import norm

__all__ = ["recognise"]

_SLOW = (0.9, 0.5, 0.8, 0.95, 0.99)
_SQUARES = (0.999, 0.99, 0.95, 0.9, 0.98, 0.9999)
_EPSILONS = (1e-8, 1e-7, 1e-6, 1e-10, 1e-5, 1e-12, 1e-15, 1e-4, 1e-3, 0.0)
_LOOKED_AT = 256  # entries, before a rule is held against all
_STEPS = 20_000  # that may have been made before
_HELD = 4  # arrays beside a parameter that may be its moments
_FITS = 2
_SETTLED = 1e-6
_SPREAD = 0.05


def recognise(every: Sequence[Mapping[str, Move]]) -> list[str]:
    """Give the moves of all steps the rule that explains them, where -lr·g does not; in words, what was found."""
    found: dict[Adaptive, None] = {}
    left = _FITS  # of settings, that may still come to nothing
    if len(every) < 2:
        return []
    open_: list[tuple[list[Move], list[Array]]] = []
    for name, first in sorted(every[0].items(), key=lambda item: -item[1].before.size):
        moves = [moves[name] for moves in every]
        unusable = any(m.gradient is None or m.stock is not None or m.momentum or not norm(m.delta) for m in moves)
        if unusable or first.is_multiple_by(1.0) or first.before.size < 2:
            continue
        gradients = [np.asarray(m.gradient) for m in moves]
        explained = _usual(found, _rules(), moves, gradients)
        enough = first.before.size * len(moves) >= ENOUGH and not first.is_multiple()
        if explained is None and left and enough:
            explained = _fitted(moves, gradients)
            left -= explained is None
        if explained is None:
            open_.append((moves, gradients))
            continue
        rule, state = explained
        if rule.kind == "Adam" and not rule.fault:
            rule = replace(rule, settled=rule.gamma ** state[2] < _SETTLED)
        found[rule] = None
        _take(rule, state, moves, gradients)
    for moves, gradients in open_ if found else ():  # what another one moves by was not known yet
        explained = _usual(found, (), moves, gradients)
        if explained is not None:
            _take(*explained, moves, gradients)
    return [rule.said for rule in found]


def _usual(
    known: Iterable[Adaptive], rules: Iterable[Adaptive], moves: Sequence[Move], gradients: Sequence[Array]
) -> tuple[Adaptive, State] | None:
    """The first of the rules that explains the moves, those first that another parameter moves by."""
    for rule, state in _candidates((*known, *rules), moves, gradients):
        if _explains(rule, moves, gradients, state):
            return rule, state
    return None


def _take(rule: Adaptive, state: State, moves: Sequence[Move], gradients: Sequence[Array]) -> None:
    for move, delta, more in _made(rule, moves, gradients, state):
        move.by_hand = rule
        decayed = move.lr * move.weight_decay * move.before
        move.stock = None if rule.fault else Stock(rule.said, -delta - decayed, more, by_hand=True)


def _made(
    rule: Adaptive, moves: Sequence[Move], gradients: Sequence[Array], state: State
) -> Iterator[tuple[Move, Array, float]]:
    """Each move with what the rule takes away, and how far rounding in the gradients may turn that."""
    taken = (moves[0].lr * direction for direction in rule.directions(gradients, *state))
    return zip(moves, taken, _turned(rule, moves, gradients, state), strict=True)


def _explains(rule: Adaptive, moves: Sequence[Move], gradients: Sequence[Array], state: State) -> bool:
    return all(_fits(move, delta, more) for move, delta, more in _made(rule, moves, gradients, state))


def _fitted(moves: Sequence[Move], gradients: Sequence[Array]) -> tuple[Adaptive, State] | None:
    """A rule with settings that are not among the usual ones: of several that explain the moves the plainest."""
    some = _some_of(gradients[0])
    zero = np.zeros_like(gradients[0])
    few = [g.reshape(-1)[some] for g in gradients]
    moved = [-(m.delta / m.lr + m.weight_decay * m.before).reshape(-1)[some] for m in moves]
    nothing = zero, zero, Start(zero.reshape(-1)[some], zero.reshape(-1)[some])
    for m, v, start in (*_kept(moves[0], gradients[0], some), nothing):
        found: list[tuple[Adaptive, State]] = [(rule, (m, v, t)) for rule, t in fitted(few, moved, start)]
        explaining = [
            (rule, state)
            for rule, state in found
            if _divides(rule, gradients, state) and _explains(rule, moves, gradients, state)
        ]
        if explaining:
            rule, state = min(explaining, key=lambda one: (bool(one[0].fault), one[0].inside))
            return rounded(rule, functools.partial(_explains_from, moves, gradients, state)), state
    return None


def _divides(rule: Adaptive, gradients: Sequence[Array], state: State) -> bool:
    """Whether v has a say: divided by nearly the same everywhere, as with a very large ε, it is plain momentum."""
    roots = [root for _, root in rule.parts(gradients, *state)]
    return any(float(np.ptp(root)) > _SPREAD * float(root.max()) for root in roots)


def _explains_from(moves: Sequence[Move], gradients: Sequence[Array], state: State, rule: Adaptive) -> bool:
    return _explains(rule, moves, gradients, state)


def _kept(move: Move, g: Array, some: Array) -> Iterator[tuple[Array, Array, Start]]:
    """Arrays that the first step changed as moments are: each m and v, with the decays that they show."""
    slow, squares = [], []
    zero = np.zeros_like(g)
    for label, before in _nearest(move):
        after = move.buffers_after.get(label)
        if after is None or after.shape != before.shape:
            continue
        if (beta := _decay(before, after, g, move.epsilon)) is not None:
            slow.append((before, beta))
        if np.all(before >= 0) and (gamma := _decay(before, after, g * g, move.epsilon)) is not None:
            squares.append((before, gamma))
        elif norm(after - before - g * g) <= _exact(move.epsilon) * norm(after):
            yield zero, before, Start(zero.reshape(-1)[some], before.reshape(-1)[some], "AdaGrad")
    for v, gamma in squares:
        yield zero, v, Start(zero.reshape(-1)[some], v.reshape(-1)[some], "RMSprop", 0.0, gamma)
        for m, beta in slow:
            yield m, v, Start(m.reshape(-1)[some], v.reshape(-1)[some], "Adam", beta, gamma)


def _decay(before: Array, after: Array, new: Array, epsilon: float) -> float | None:
    """The β of after = β before + (1 - β) new; None where there is none."""
    old, now = before - new, after - new
    if not (square := float(np.vdot(old, old))):
        return None
    beta = float(np.vdot(now, old)) / square
    exact = norm(now - beta * old) <= _exact(epsilon) * (norm(before) + norm(new))
    return max(beta, 0.0) if exact and -_exact(epsilon) <= beta < 1 else None


def _exact(epsilon: float) -> float:
    return max(100 * epsilon, 1e-9)


def _candidates(
    rules: Iterable[Adaptive], moves: Sequence[Move], gradients: Sequence[Array]
) -> Iterator[tuple[Adaptive, State]]:
    """Rules that explain some of the entries."""
    some = _some_of(gradients[0])
    zero = np.zeros_like(gradients[0])
    few = [g.reshape(-1)[some] for g in gradients]
    deltas = [(m.delta + m.lr * m.weight_decay * m.before).reshape(-1)[some] for m in moves]
    blur = moves[0].blur + 1e-12
    lost = [m.epsilon * norm(m.before.reshape(-1)[some]) for m in moves]
    buffers = _nearest(moves[0])
    standing: dict[tuple[str, float, float, str], list[State]] = {}
    for rule in dict.fromkeys(rules):
        starts: list[State] = [(zero, zero, 0)]
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
        if float(off[-1]) < 1e-3:
            yield m, v, _STEPS  # so many that nothing is left to be corrected


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
