"""Traced numbers that were written as text: one that is read back from it has lost its derivative.

To write a number is no leak, for most texts are only looked at. It is one where a number made from text afterwards is
the one that was written.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Texts"]


class Texts:
    """The traced numbers that were written as text so far."""

    __slots__ = ("_written",)

    def __init__(self) -> None:
        self._written: set[str] = set()

    def write(self, number: Any) -> None:
        """A traced number (or array, which is not followed) becomes text."""
        if not getattr(number, "shape", ()):
            self._written.add(_digits(number))

    def has(self, number: float) -> bool:
        """Whether a traced number like this one was written; ``float("inf")`` is a constant, whatever was."""
        return bool(self._written) and math.isfinite(number) and _digits(number) in self._written


def _digits(number: Any) -> str:
    """What of a number is left in six digits, as ``"%f"`` and ``"%g"`` write them.

    In fewer the text is the same for all numbers around, and the derivative of what is read from it is zero.
    """
    return f"{number:.5e}"
