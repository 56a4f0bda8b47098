"""In which processes of a training on several something was seen."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["on_ranks", "ranks_listed"]

_NAMED = 8


def ranks_listed(ranks: Sequence[int]) -> str:
    """``rank 3``; ``ranks 0, 1 and 3``; of many the first few."""
    names = [str(rank) for rank in ranks]
    if len(names) > _NAMED:
        return f"ranks {', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    if len(names) == 1:
        return f"rank {names[0]}"
    return f"ranks {', '.join(names[:-1])} and {names[-1]}"


def on_ranks(ranks: Sequence[int], of: int) -> str:
    """``on rank 3 only``; ``on all 4 ranks``; empty where nothing is known."""
    if not ranks or of < 2:
        return ""
    if len(ranks) == of:
        return "on both ranks" if of == 2 else f"on all {of} ranks"
    return f"on {ranks_listed(ranks)} only"
