"""Another function in the place of an activation's derivative: softplus for a step, s for s (1 - s)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate, vector_jacobian
from gradcheck.causes.lines.functions import NAMES, known_function
from gradcheck.causes.places import Piece, Place, unary
from gradcheck.causes.spot import Hypothesis, Spot, Trial
from gradcheck.causes.stage import Stage

__all__ = ["PieceSpot", "ends_in", "ends_of", "left_out", "own_derivative", "replaced"]

_TWICE = "its derivative twice"
_LETTERS = {"x": "goes in", "y": "comes out"}


class PieceSpot(Spot):
    """A line or a call with one entry: ``gates`` are those at its exits."""

    def __init__(self, stage: Stage, piece: Piece) -> None:
        super().__init__(stage, Place(piece.sites[-1]))
        self.piece = piece
        self.gates = [gate for gate, _ in piece.ends(self.stage.case)]


def left_out(spot: Spot) -> Iterator[Trial]:
    """The derivative left out: what comes back is handed on as it is, or a multiple of it."""
    yield from _tried(spot, ["1"])


def replaced(spot: Spot) -> Iterator[Trial]:
    """Every other known function of the input and the output, and multiples of it."""
    if ends_of(spot)[1]:
        yield from _tried(spot, [_TWICE, *NAMES[1:]])


def ends_of(spot: Spot) -> tuple[Place | Piece, list[tuple[Gate, int]]]:
    """The gates at the exits, each with the number of the entry; none where there are several inputs."""
    where: Place | Piece = spot.piece if isinstance(spot, PieceSpot) else spot.place
    ends = ends_in(where, spot.stage.case)
    fits = spot.k is None and (isinstance(where, Piece) or unary([g for g, _ in ends]))
    # of complex numbers there are no steps and no signs
    fits = fits and not any(g.sources[k].is_complex() or g.operation.result.is_complex() for g, k in ends)
    return where, ends if fits else []


def _tried(spot: Spot, names: Sequence[str]) -> Iterator[Trial]:
    where, ends = ends_of(spot)
    if not ends or all(g.operation.result.numel() == 1 for g, _ in ends):
        return  # of a single number every function is a multiple: that is another family
    text, wanted = where.text, _name_of_derivative(ends)
    right, unnamed = _spelled(where, ends, wanted), [t for t in _LETTERS if _spelled(where, ends, t) == t]
    for number, name in enumerate(names):
        if name == wanted:
            continue
        left_out, twice = name == "1", name == _TWICE
        yours = _spelled(where, ends, name)
        does = f"yours is {yours}" + (f"; the derivative is {right}" if right else "")
        wrong = Hypothesis(
            "GC232" if left_out else "GC234" if twice else "GC233",
            f"lacks the derivative of {text}"
            if left_out
            else f"has the derivative of {text} twice"
            if twice
            else f"has the wrong derivative of {text}",
            (does + _legend(does, unnamed),),
            (f"multiply by {right}, not by {yours}",) if right else (f"take the derivative of {text}, not {yours}",),
            f"{name} for the derivative of {text}",
            cost=1.0 + 0.002 * number - _nearer(where, left_out),
        )
        yield from spot.times(wrong, functools.partial(_changes, where, name))


def _nearer(where: Place | Piece, left_out: bool) -> float:
    """How much nearer than others a hypothesis about a place is: people differentiate from name to name.

    Of two pieces, one within the other, without whose derivatives the gradient is yours, the rest of the longer one has
    the derivative one: what is missing is missing in the shorter.
    """
    if not isinstance(where, Piece):
        return 0.02
    longer = 1e-4 * len(where.sites)
    return 0.02 * where.named_ends + (-longer if left_out else longer)


def _spelled(where: Place | Piece, ends: Sequence[tuple[Gate, int]], function: str) -> str:
    return where.spelled(function, ends[0][0].slots[0]) if isinstance(where, Place) else where.spelled(function)


def _legend(sentence: str, unnamed: Sequence[str]) -> str:
    """What x and y are in a sentence, where they stand for what has no name in the source."""
    said = [t for t in unnamed if re.search(rf"\b{t}\b", sentence)]
    return f" ({', '.join(f'{t} is what {_LETTERS[t]}' for t in said)})" if said else ""


def ends_in(where: Place | Piece, case: Case) -> list[tuple[Gate, int]]:
    """The gate at each exit, and the number of the entry among its sources."""
    return where.ends(case) if isinstance(where, Piece) else [(g, 0) for g in where.gates(case)]


def _changes(where: Place | Piece, name: str, case: Case, times: float) -> dict[int, Change] | None:
    ends = ends_in(where, case)
    if name != _TWICE:
        return {g.index: _instead(k, name, times) for g, k in ends} or None
    squares = [own_derivative(g, k) for g, k in ends]
    if any(square is None for square in squares):
        return None
    return {g.index: _squared(k, own, times) for (g, k), own in zip(ends, squares, strict=True) if own is not None}


def _squared(k: int, own: torch.Tensor, times: float) -> Change:
    def change(gate: Gate, gradient: torch.Tensor) -> Flow:  # noqa: ARG001  # a change takes both
        return Flow(to={k: gradient * own**2 * times})

    return change


def _instead(k: int, name: str, times: float) -> Change:
    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        known = known_function(name, gate.sources[k].detach(), gate.operation.result.detach())
        return Flow(to={k: gradient * known * times})

    return change


def own_derivative(gate: Gate, k: int) -> torch.Tensor | None:
    """The derivative of an elementwise function from source ``k`` to the result; None where it is not elementwise."""
    x, y = gate.sources[k], gate.result
    varied = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).to(y.dtype).reshape(y.shape)
    ones, other = (vector_jacobian(y, [x], u)[0] for u in (torch.ones_like(y), varied))
    # of an elementwise function Jᵀu is u times the diagonal, whatever u
    if ones is None or other is None or not _alike(other, ones * varied):
        return None
    return ones


def _alike(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether they are the same to the rounding of the lower precision: a forward may go over to float32 inside."""
    eps = max(torch.finfo(left.dtype).eps, torch.finfo(right.dtype).eps)
    rtol, atol = max(1e-9, 64 * eps), max(1e-12, eps)
    return torch.allclose(left.double(), right.double(), rtol=rtol, atol=atol)


def _name_of_derivative(ends: Sequence[tuple[Gate, int]]) -> str:
    """The known function that is the true derivative here; empty where it is none of them, or no elementwise one."""
    gate, k = ends[0]
    own = own_derivative(gate, k)
    if own is None:
        return ""
    x, y = gate.sources[k].detach(), gate.result.detach()
    for name in NAMES:
        if _alike(known_function(name, x, y), own):
            return name
    return _step(x, own)


def _step(x: torch.Tensor, own: torch.Tensor) -> str:
    """A step, with the bounds between which the derivative is one."""
    inside = own == 1
    if not bool(((own == 0) | inside).all()) or not bool(inside.any()) or bool(inside.all()):
        return ""
    low, high = float(x[inside].min()), float(x[inside].max())
    below, above = x[~inside & (x < low)], x[~inside & (x > high)]
    if below.numel() + above.numel() < int((~inside).sum()):
        return ""
    if not above.numel():
        return f"step(x > {float(below.max()):.3g}...)"
    return ""
