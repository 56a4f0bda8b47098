"""Adaptive rules with usual settings, each from moments that are zero or that stand beside the parameter."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from gradcheck.descent.moves.adaptive import Adaptive, Fault
from gradcheck.descent.moves.fitted import State
from gradcheck.descent.moves.move import Array, Move
from gradcheck.difference import norm

__all__ = ["candidates", "nearest", "some_of", "usual_rules"]

_SLOW = (0.9, 0.5, 0.8, 0.95, 0.99)
_SQUARES = (0.999, 0.99, 0.95, 0.9, 0.98, 0.9999)
_EPSILONS = (1e-8, 1e-7, 1e-6, 1e-10, 1e-5, 1e-12, 1e-15, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 0.0)
_LOOKED_AT = 256  # entries, before a rule is held against all
_STEPS = 20_000  # that may have been made before
_HELD = 4  # arrays beside a parameter that may be its moments


def candidates(
    rules: Iterable[Adaptive], moves: Sequence[Move], gradients: Sequence[Array], beside: bool = False
) -> Iterator[tuple[Adaptive, State]]:
    """Rules that explain some of the entries; ``beside``: all but a multiple of the weights."""
    some = some_of(gradients[0])
    zero = np.zeros_like(gradients[0])
    few = [g.reshape(-1)[some] for g in gradients]
    weights = [m.before.reshape(-1)[some] if beside else None for m in moves]
    deltas = [
        _apart_from((m.delta + m.lr * m.weight_decay * m.before).reshape(-1)[some], w)
        for m, w in zip(moves, weights, strict=True)
    ]
    blur = moves[0].blur + 1e-12
    lost = [m.epsilon * norm(m.before.reshape(-1)[some]) for m in moves]
    buffers = nearest(moves[0])
    standing: dict[tuple[str, float, float, str], list[State]] = {}
    for rule in dict.fromkeys(rules):
        starts: list[State] = [(zero, zero, 0)]
        if rule.fault != "forgotten" and buffers:
            key = rule.kind, rule.beta, rule.gamma, rule.fault  # ε does not matter for them
            if key not in standing:
                standing[key] = list(_standing(rule, buffers, moves[0], few[0], deltas[0], weights[0], some))
            starts += standing[key]
        for m, v, t in starts:
            wanted = rule.directions(few, m.reshape(-1)[some], v.reshape(-1)[some], t)
            lr, pairs = moves[0].lr, zip(wanted, deltas, weights, lost, strict=True)
            with np.errstate(all="ignore"):
                if all(norm(d + lr * _apart_from(w, off)) <= 2 * blur * norm(d) + more for w, d, off, more in pairs):
                    yield rule, (m, v, t)


def _apart_from(value: Array, weights: Array | None) -> Array:
    """What of it is at right angles to the weights."""
    if weights is None or not (length := norm(weights)):
        return value
    along = weights / length
    return value - np.vdot(along, value) * along


def usual_rules() -> Iterator[Adaptive]:
    faults: tuple[Fault, ...] = ("", "uncorrected", "uncounted", "uncorrected m", "uncorrected v")
    for fault in faults:
        for beta, gamma, epsilon, inside in itertools.product(_SLOW, _SQUARES, _EPSILONS, (False, True)):
            yield Adaptive("Adam", beta, gamma, epsilon, inside, fault)
    for epsilon, inside in itertools.product(_EPSILONS, (False, True)):
        yield from (Adaptive("RMSprop", 0.0, gamma, epsilon, inside) for gamma in _SQUARES)
        yield Adaptive("AdaGrad", 0.0, 0.0, epsilon, inside)
    # last: where gradients hardly change, what is right moves so, too
    yield from (Adaptive("Adam", 0.9, 0.999, e, inside, "forgotten") for e in _EPSILONS for inside in (False, True))


def nearest(move: Move) -> list[tuple[str, Array]]:
    """Arrays that may be its moments: those first that are called like it, v['W'] of W."""
    word = move.name.rpartition(".")[2]
    return sorted(move.buffers, key=lambda held: word not in held[0])[:_HELD]


def _standing(
    rule: Adaptive,
    buffers: Sequence[tuple[str, Array]],
    move: Move,
    g: Array,
    delta: Array,
    weights: Array | None,
    some: Array,
) -> Iterator[State]:
    """Moments that may have been kept, with the count of steps at which their correction fits the first move."""
    squares = [array for _, array in buffers if np.all(array >= 0)]
    slow = [array for _, array in buffers] if rule.kind == "Adam" else [np.zeros_like(move.before)]
    for m, v in itertools.product(slow, squares):
        if m is v:
            continue
        if rule.kind != "Adam" or rule.fault in ("uncorrected", "uncounted"):
            yield m, v, 0
            continue
        plain = Adaptive("Adam", rule.beta, rule.gamma, 0.0, fault="uncorrected")
        [made] = plain.directions([g], m.reshape(-1)[some], v.reshape(-1)[some], 0)
        wanted = _apart_from(made, weights)
        if not (length := norm(wanted)):
            continue
        # Δ = -lr·√(1-γ^t)/(1-β^t)·m/√v but for ε, or with one of the two corrections: the factor tells t
        factor = -float(np.vdot(wanted / length, delta) / length) / move.lr
        t = np.arange(1, _STEPS)
        of_m, of_v = rule.corrections(t)
        off = abs(np.sqrt(of_v) / of_m / factor - 1) if factor > 0 else np.ones(1)
        if float(off.min()) < 1e-3:
            yield m, v, int(off.argmin())
        if float(off[-1]) < 1e-3:
            yield m, v, _STEPS  # so many that nothing is left to be corrected


def some_of(gradient: Array) -> Array:
    """Entries to look at: the largest, and some from everywhere."""
    flat = np.abs(gradient.reshape(-1))
    large = np.argsort(flat)[-_LOOKED_AT // 2 :]
    return np.union1d(large, np.arange(0, flat.size, max(1, 2 * flat.size // _LOOKED_AT)))
