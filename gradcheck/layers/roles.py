"""What an argument of a backward is given, and what the caller said about it in ``style=``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["ANY", "Reading", "Role", "reading_of"]

_OUTPUTS = re.compile(r"(\d+) outputs?")


@dataclass(frozen=True)
class Role:
    """What one argument is given: ``kind`` and which one of that kind."""

    kind: Literal[
        "upstream",
        "upstreams",
        "returned",
        "rest",
        "input",
        "output",
        "attribute",
        "option",
        "rate",
        "unknown",
        "default",
    ]
    which: Any = None


@dataclass(frozen=True)
class Reading:
    """What the caller said: how many of the values returned are outputs, and what the last argument is given."""

    outputs: int | None = None
    last: Literal["cache", "input"] | None = None


ANY = Reading()


def reading_of(words: str) -> Reading | None:
    """``"2 outputs"``, ``"cache"`` or ``"input"`` (several with commas); None where it is none of these."""
    outputs: int | None = None
    last: Literal["cache", "input"] | None = None
    for word in (part.strip().lower() for part in words.split(",")):
        count = _OUTPUTS.fullmatch(word)
        if count and int(count.group(1)) > 0:
            outputs = int(count.group(1))
        elif word == "cache":
            last = "cache"
        elif word in ("input", "inputs"):
            last = "input"
        else:
            return None
    return Reading(outputs, last)
