"""Windows that a loop slides over an array, put elsewhere by the backward: without the stride, height for width."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from gradcheck.causes.candidate import Array
from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.lines.overwritten import positions_of
from gradcheck.causes.places import Place, all_changed, nothing
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """Each window's gradient goes where it would start with stride one, or with rows and columns exchanged."""
    yield from _rounds(spot)
    if spot.k is not None or any(g.operation.name != "getitem" for g in spot.gates):
        return
    text = spot.place.text
    told = {
        "stride": ("without the stride", "the stride", "start each window at stride times its number"),
        "exchange": ("with rows and columns exchanged", "rows for columns", "keep rows and columns apart"),
    }
    for how, (says, does, help_) in told.items():
        if _moved(spot.gates, how) is None:
            continue
        wrong = Hypothesis(
            "GC245",
            f"has the windows {text} {says}",
            (f"your backward forgets {does} where it puts what comes back to {text}",)
            if how == "stride"
            else (f"your backward takes {does} where it puts what comes back to {text}",),
            (help_,),
            f"{text} {says}",
            cost=0.95,
        )
        yield from spot.once(wrong, functools.partial(_changes, spot.place, how))


def _rounds(spot: Spot) -> Iterator[Trial]:
    """A loop over rows and columns that the backward runs over as many columns as there are rows, or the reverse."""
    if _runs_on(spot.gates):
        return
    for square in ("height", "width"):
        kept = _kept(spot.gates, spot.stage.case, square)
        if kept is None:
            continue
        other = "width" if square == "height" else "height"
        wrong = Hypothesis(
            "GC245",
            f"has the {square} taken for the {other} in the loop around {spot.place.text}",
            (f"your backward goes over as many rounds as the {square} in both directions",),
            (f"loop over the {other} where the forward does",),
            f"{square} for {other}",
            cost=0.94,
        )
        yield from spot.once(wrong, functools.partial(_only, spot.place, square))


def _kept(gates: Sequence[Gate], case: Case, square: str) -> list[bool] | None:
    """Which rounds are left; None where rounds are not those of rows and columns of the output, or none is left out."""
    shapes = [np.shape(u) for u in case.upstreams if np.ndim(u) >= 2]
    if len(shapes) != 1 or shapes[0][-1] == shapes[0][-2] or len(gates) % math.prod(shapes[0][-2:]):
        return None
    rows, columns = shapes[0][-2:]
    if square == "height":
        kept = [k % columns < rows for k in range(len(gates))]
    else:
        kept = [k // columns % rows < columns for k in range(len(gates))]
    return None if all(kept) else kept


def _runs_on(gates: Sequence[Gate]) -> bool:
    """Whether a round goes on with an earlier one's result, as a running sum does: all before the one left out goes."""
    made = {id(gate.result) for gate in gates}
    return any(id(value) in made for gate in gates for value in gate.inputs)


def _only(place: Place, square: str, case: Case) -> dict[int, Change] | None:
    gates = place.gates(case)
    kept = _kept(gates, case, square)
    if kept is None:
        return None
    return all_changed([g for g, keep in zip(gates, kept, strict=True) if not keep], nothing)


def _moved(gates: Sequence[Gate], how: str) -> list[Array] | None:
    """Where the windows' entries go instead, as positions in the array; None where that is no other place."""
    positions = positions_of(gates)
    if positions is None or len(positions) < 2 or any(p.size == 0 or p.shape != positions[0].shape for p in positions):
        return None
    shape = tuple(gates[0].inputs[0].shape)
    starts = np.array([np.unravel_index(int(p.flat[0]), shape) for p in positions])
    if how == "stride":
        steps = np.array([math.gcd(*(int(s) for s in axis)) or 1 for axis in (starts - starts[0]).T])
        others = starts[0] + (starts - starts[0]) // steps
    elif len(shape) >= 2:
        others = starts.copy()
        others[:, [-2, -1]] = others[:, [-1, -2]]
    else:
        return None
    moved = []
    for position, start, other in zip(positions, starts, others, strict=True):
        entries = [axis + o - s for axis, o, s in zip(np.unravel_index(position, shape), other, start, strict=True)]
        if any(e.min() < 0 or e.max() >= n for e, n in zip(entries, shape, strict=True)):
            return None
        moved.append(np.ravel_multi_index(tuple(entries), shape))
    return None if np.array_equal(others, starts) else moved


def _changes(place: Place, how: str, case: Case) -> dict[int, Change] | None:
    gates = place.gates(case)
    moved = _moved(gates, how) if gates else None
    if moved is None:
        return None
    return {g.index: functools.partial(_put, torch.from_numpy(to.ravel())) for g, to in zip(gates, moved, strict=True)}


def _put(to: torch.Tensor, gate: Gate, gradient: torch.Tensor) -> Flow:
    source = gate.inputs[0]
    placed = torch.zeros(source.numel(), dtype=source.dtype).index_add(0, to, gradient.reshape(-1).to(source.dtype))
    return Flow(to={0: placed.reshape(source.shape)})
