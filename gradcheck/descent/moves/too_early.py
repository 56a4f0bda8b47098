"""GC406: the update is made before the gradient is complete, so that the gradient is another one."""

from __future__ import annotations

from collections.abc import Iterator

from gradcheck.descent.moves.move import Array, Move
from gradcheck.descent.moves.pieces import pieces
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.report import Where

__all__ = ["too_early"]

_MOST = 12  # others that are tried one by one


def too_early(move: Move, seen: Seen) -> Cause | None:
    """Δw = -lr·g', with g' the gradient where other parameters have moved already; or many moves, sample by sample."""
    for names, moved in _earlier(move, seen):
        for how, found in (
            (
                "the gradient goes down through the new {0} and not through the one that the forward used",
                seen.gradients_seeing(moved),
            ),
            ("the gradient is that of the loss with the new {0}", seen.gradients_at(moved)),
        ):
            if found is None or move.name not in found:
                continue
            g = found[move.name] + move.weight_decay * move.before
            if move.fits(-move.lr * g) and not move.is_multiple_by(1.0):
                return _before(move, seen, names, how.format(names))
    return _piecewise(move, seen)


def _earlier(move: Move, seen: Seen) -> Iterator[tuple[str, dict[str, Array]]]:
    """Which others may have moved before this one did: one of those that were seen to, all of them, all there are."""
    others = {m.name: m.after for m in seen.moves.values() if m.name != move.name and (m.after != m.before).any()}
    before = others
    if seen.timeline is not None and seen.timeline.changes:
        before = {n: others[n] for n in seen.timeline.moved_before(move.name) if n in others}
    alone = [{name: value} for name, value in before.items()] if len(before) <= _MOST else []
    for one in (*alone, before, others):
        if one:
            yield " and ".join(one) if len(one) < 4 else f"{len(one)} other parameters", one


def _before(move: Move, seen: Seen, names: str, how: str) -> Cause:
    where: Where | None = None
    if seen.timeline is not None:
        changes = [c for c in seen.timeline.changes if c.name != move.name]
        where = changes[0].where if changes else None
    return Cause(
        "GC406",
        "error",
        names,
        "{names} [move|moves] by a gradient that was taken after the update of " + names,
        (f"{names} is updated first, and {how}",),
        (f"{move.name}: -lr times the gradient taken so explains the move to within rounding",),
        ("compute all gradients first, then update all parameters",),
        where,
    )


def _piecewise(move: Move, seen: Seen) -> Cause | None:
    """The parameter moves many times in one step, by a part of the gradient each."""
    changes = pieces(move, seen.timeline)
    if len(changes) < 2:
        return None
    return Cause(
        "GC406",
        "error",
        f"piecewise {len(changes)}",
        "{names} [move|moves] " + f"{len(changes)} times in one step, each time before the gradient is complete",
        ("each sample's (or part's) gradient is taken at weights that the one before has moved",),
        (f"line {changes[-1].where.line}: {changes[-1].where.source}",),
        ("add the gradients up first, then update once; or give the step of one sample, with its own gradient",),
        changes[-1].where,
        likely=True,
    )
