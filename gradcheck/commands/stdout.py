"""A script's standard output: without the reports that were shown already, and set apart from them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

__all__ = ["LeavingOut", "leaving_out"]


class LeavingOut:
    """A text stream that drops the texts ``print(report)`` would repeat, each with its end of line.

    While ``below_report`` is set, the next text that is written gets an empty line above it.
    """

    def __init__(self, stream: TextIO, texts: Collection[str]) -> None:
        self._stream = stream
        self._texts = texts
        self._dropped = False
        self.below_report = False

    def write(self, text: str) -> int:
        dropped, self._dropped = self._dropped, text in self._texts
        if self._dropped or (dropped and text == "\n"):
            return len(text)
        self.set_apart()
        return self._stream.write(text)

    def set_apart(self) -> None:
        """Leave a line empty where a report stands above."""
        if self.below_report:
            self.below_report = False
            self._stream.write("\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def leaving_out(texts: Collection[str]) -> Iterator[LeavingOut]:
    """Drop exactly these texts where they are printed; a script that prints its reports shows each of them once."""
    stream = sys.stdout
    ours = LeavingOut(stream, texts)
    sys.stdout = cast(TextIO, ours)
    try:
        yield ours
    finally:
        sys.stdout = stream
