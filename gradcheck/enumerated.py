"""Names one after the other, as they stand in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["enumerated"]


def enumerated(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; empty where there are none.

    Example:
        >>> enumerated(["dx", "dw", "db"])
        'dx, dw and db'
    """
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
