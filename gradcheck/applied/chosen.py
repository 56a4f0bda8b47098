"""Which calls are checked where there are more than anybody wants to wait for."""

from __future__ import annotations

from collections.abc import Iterable

from gradcheck.applied.record import Call, Group

__all__ = ["chosen"]


def chosen(groups: Iterable[Group], most: int) -> tuple[list[Call], int]:
    """At most so many calls, in the order of the forward; and how many distinct ones there are.

    First one of each Function with each kind of arguments, then one from each place, then the last call from each
    place beside the first (a recurrent layer's first state is zero): what is left out is a repetition.
    """
    found = [group.kept() for group in groups]
    kinds: set[object] = set()
    ranked: list[tuple[int, int, Call]] = []
    for group, calls in zip(groups, found, strict=True):
        for k, call in enumerate(calls):
            rank = 2 if k else 0 if group.kind not in kinds else 1
            kinds.add(group.kind)
            ranked.append((rank, len(ranked), call))
    kept = sorted(sorted(ranked, key=lambda one: one[:2])[:most], key=lambda one: one[1])
    return [call for _, _, call in kept], len(ranked)
