"""The course of a number over a training of any length, in a few dozen points."""

from __future__ import annotations

from gradcheck.watched import Series

__all__ = ["Course"]

_MOST = 64


class Course:
    """A series that thins itself: when it is full every second point goes, and half as many are taken from then on.

    A million steps take as much memory as a hundred; the points stay evenly spaced, the last one is kept besides.
    """

    __slots__ = ("_every", "_last", "_points", "_seen")

    def __init__(self) -> None:
        self._points: list[tuple[int, float | None]] = []
        self._last: tuple[int, float | None] | None = None
        self._every = 1
        self._seen = 0

    def add(self, step: int, value: float | None) -> None:
        """Note the value at a step; None where it was not measured."""
        self._last = (step, value)
        if self._seen % self._every == 0:
            self._points.append(self._last)
            if len(self._points) >= _MOST:
                del self._points[1::2]
                self._every *= 2
        self._seen += 1

    def series(self) -> Series:
        """The points as the report holds them, the last one among them."""
        points = list(self._points)
        if self._last is not None and (not points or points[-1] != self._last):
            points.append(self._last)
        return Series(tuple(step for step, _ in points), tuple(value for _, value in points))
