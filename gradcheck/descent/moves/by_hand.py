"""Adaptive rules that are written by hand (Adam, RMSprop, AdaGrad), recognised by the moves of several steps.

The rule is made anew from the gradients, from moments that are zero or that stand beside the parameter, with the
settings that are in use; where one of them gives every step to within rounding, the parameter is judged by it.
Settings that are not among the usual ones are fitted. A weight decay that was not stated is looked for beside them.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.descent.moves.adaptive import Adaptive
from gradcheck.descent.moves.candidates import candidates, nearest, some_of, usual_rules
from gradcheck.descent.moves.fitted import ENOUGH, Start, State, fitted, rounded
from gradcheck.descent.moves.move import Array, Move, Stock, rounding_of
from gradcheck.difference import norm

__all__ = ["recognise"]

_FITS = 2
_SETTLED = 1e-6
_SPREAD = 0.05
_LEAST_SPREAD = 1e-3  # where nothing is fitted
_LARGE = 1e-2
_MOST_DECAY = 1e3


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
        explained = _usual(found, usual_rules(), moves, gradients)
        enough = first.before.size * len(moves) >= ENOUGH and not first.is_multiple()
        if explained is None and left and enough:
            explained = _fitted(moves, gradients)
            left -= explained is None
        if explained is None and any(m.weight_decay for m in moves) and _in_the_gradient(found, moves, gradients):
            continue
        if explained is None:
            open_.append((moves, gradients))
            continue
        rule, state = explained
        if rule.kind == "Adam" and not rule.fault:
            rule = replace(rule, settled=rule.gamma ** state[2] < _SETTLED)
        found[rule] = None
        _take(rule, state, moves, gradients)
    decays: dict[float, None] = {}
    left = _FITS
    for moves, gradients in open_:
        explained = _usual(found, (), moves, gradients)  # what another one moves by was not known yet
        may_be_any = left > 0 and not moves[0].is_multiple()
        if explained is None:
            explained = _upwards(found, moves, gradients, may_be_any)
        if explained is None:
            beside = _with_decay((*found, *(usual_rules() if may_be_any else ())), decays, moves, gradients)
            left -= beside is None and may_be_any
            if beside is None:
                continue
            explained, decay = beside
            decays[decay] = None
            for move in moves:
                move.other_decay = decay
        found[explained[0]] = None
        _take(*explained, moves, gradients)
    return [rule.said for rule in found]


def _in_the_gradient(found: dict[Adaptive, None], moves: Sequence[Move], gradients: Sequence[Array]) -> bool:
    """Whether a rule explains the moves by g + λw, the weight decay that was stated being a penalty of the loss."""
    whole = [g + m.weight_decay * m.before for m, g in zip(moves, gradients, strict=True)]
    bare = [replace(m, weight_decay=0.0) for m in moves]
    explained = _usual([replace(rule, coupled=0.0) for rule in found], usual_rules(), bare, whole)
    if explained is None and moves[0].before.size * len(moves) >= ENOUGH and not bare[0].is_multiple():
        explained = _fitted(bare, whole)
    if explained is None:
        return False
    rule = replace(explained[0], coupled=moves[0].weight_decay)
    found[rule] = None
    _take(rule, explained[1], bare, whole)
    for move, made in zip(moves, bare, strict=True):
        move.by_hand, move.stock = made.by_hand, made.stock
    return True


def _upwards(
    known: Collection[Adaptive], moves: Sequence[Move], gradients: Sequence[Array], may_be_any: bool
) -> tuple[Adaptive, State] | None:
    """A rule that explains the moves turned round: they go up the gradient."""
    if moves[0].lr * float(np.vdot(moves[0].delta, gradients[0])) <= 0:
        return None
    turned = [replace(m, after=2 * m.before - m.after) for m in moves]
    explained = _usual(known, usual_rules() if may_be_any else (), turned, gradients)
    if explained is None and may_be_any and moves[0].before.size * len(moves) >= ENOUGH:
        explained = _fitted(turned, gradients)
    return None if explained is None or explained[0].fault else explained


def _with_decay(
    rules: Iterable[Adaptive], decays: Iterable[float], moves: Sequence[Move], gradients: Sequence[Array]
) -> tuple[tuple[Adaptive, State], float] | None:
    """A rule that explains the moves with a weight decay that was not stated, and that; of others' decays if it can.

    It is decoupled, Δw = -lr·(d + λw) (Loshchilov and Hutter 2019): what a rule leaves is λ times the weights.
    """
    if moves[0].before.size < 3 or not any(norm(m.before) for m in moves):
        return None

    def explains(decay: float) -> bool:
        return _explains(rule, [replace(m, weight_decay=decay) for m in moves], gradients, state)

    for rule, state in candidates(rules, moves, gradients, beside=True):
        left = [-m.delta / m.lr - d for m, d in zip(moves, rule.directions(gradients, *state), strict=True)]
        square = sum(float(np.vdot(m.before, m.before)) for m in moves)
        closest = sum(float(np.vdot(m.before, rest)) for m, rest in zip(moves, left, strict=True)) / square
        if not abs(closest) < _MOST_DECAY:
            continue
        shorter = (float(f"{closest:.{digits}e}") for digits in range(5))
        decay = next((one for one in (0.0, *decays, *shorter, closest) if explains(one)), None)
        if decay is not None:
            return (rule, state), decay
    return None


def _usual(
    known: Collection[Adaptive], rules: Iterable[Adaptive], moves: Sequence[Move], gradients: Sequence[Array]
) -> tuple[Adaptive, State] | None:
    """The first of the rules that explains the moves, those first that another parameter moves by."""
    for rule, state in candidates((*known, *rules), moves, gradients):
        if rule not in known and rule.epsilon >= _LARGE and not _divides(rule, gradients, state, _LEAST_SPREAD):
            continue
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
    some = some_of(gradients[0])
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


def _divides(rule: Adaptive, gradients: Sequence[Array], state: State, least: float = _SPREAD) -> bool:
    """Whether v has a say: divided by nearly the same everywhere, as with a very large ε, it is plain momentum."""
    roots = [root for _, root in rule.parts(gradients, *state)]
    return any(float(np.ptp(root)) > least * float(root.max()) for root in roots)


def _explains_from(moves: Sequence[Move], gradients: Sequence[Array], state: State, rule: Adaptive) -> bool:
    return _explains(rule, moves, gradients, state)


def _kept(move: Move, g: Array, some: Array) -> Iterator[tuple[Array, Array, Start]]:
    """Arrays that the first step changed as moments are: each m and v, with the decays that they show."""
    slow, squares = [], []
    zero = np.zeros_like(g)
    for label, before in nearest(move):
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
