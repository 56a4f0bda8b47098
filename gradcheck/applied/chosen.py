"""Which calls are checked where there are more than anybody wants to wait for."""

from __future__ import annotations

from collections.abc import Iterable

from gradcheck.applied.record import Call, Group

__all__ = ["chosen"]


def chosen(groups: Iterable[Group], most: int) -> tuple[list[Call], int, int]:
    """At most so many calls, in the order of the forward; how many there were to choose from; how many kinds are left.

    First one of each Function with each kind of arguments (shapes, dtypes, masks, ...), then one from each place, then
    the last call from each place beside the first (a recurrent layer's first state is zero), then some that were drawn
    from between them.
    """
    kinds: set[object] = set()
    ranked: list[tuple[int, tuple[int, int], Call]] = []
    for at, group in enumerate(groups):
        for k, call in enumerate(group.kept()):
            rank = min(k, 2) + 1 if k else 0 if group.kind not in kinds else 1
            kinds.add(group.kind)
            ranked.append((rank, (at, call.number), call))
    taken = sorted(ranked, key=lambda one: one[:2])[:most]
    kept = sorted(taken, key=lambda one: one[1])
    return [call for *_, call in kept], len(ranked), len(kinds) - sum(rank == 0 for rank, *_ in taken)
