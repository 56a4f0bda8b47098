"""A place in the user's source."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Where"]


@dataclass(frozen=True, slots=True)
class Where:
    """A place in the user's source."""

    file: str
    line: int
    function: str = ""
    source: str = ""
