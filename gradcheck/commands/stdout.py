"""A script's standard output, without the reports that were shown already."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

__all__ = ["leaving_out"]


class _LeavingOut:
    """A text stream that drops the texts ``print(report)`` would repeat, each with its end of line."""

    def __init__(self, stream: TextIO, texts: Collection[str]) -> None:
        self._stream = stream
        self._texts = texts
        self._dropped = False

    def write(self, text: str) -> int:
        dropped, self._dropped = self._dropped, text in self._texts
        if self._dropped or (dropped and text == "\n"):
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def leaving_out(texts: Collection[str]) -> Iterator[None]:
    """Drop exactly these texts where they are printed; a script that prints its reports shows each of them once."""
    stream = sys.stdout
    sys.stdout = cast(TextIO, _LeavingOut(stream, texts))
    try:
        yield
    finally:
        sys.stdout = stream
