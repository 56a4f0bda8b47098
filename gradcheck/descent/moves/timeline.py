"""One step followed line by line: which line moved which parameter, by how much, and what was made beside it."""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import numpy as np

from gradcheck.descent.moves.weights import Array, Parameter, plain
from gradcheck.layers.values import is_array, is_tensor
from gradcheck.report import Where
from gradcheck.state.territory import is_user_module

__all__ = ["Change", "Local", "Timeline", "followed"]

_MOST_LINES = 20_000
_MOST_COMPARED = 500_000_000  # entries: all parameters after each line, a second or two
_FEWEST_LINES = 50


@dataclass(frozen=True)
class Change:
    """A line moved a parameter by ``delta``."""

    name: str
    delta: Array
    where: Where


@dataclass(frozen=True)
class Local:
    """A local variable held an array of a parameter's shape."""

    name: str
    value: Array
    where: Where


@dataclass
class Timeline:
    """``is_whole`` is False where the step was too long to be followed to its end."""

    changes: list[Change] = field(default_factory=list)
    made: list[Local] = field(default_factory=list)
    is_whole: bool = True

    def of(self, name: str) -> list[Change]:
        """The changes of one parameter, in order."""
        return [change for change in self.changes if change.name == name]

    def moved_before(self, name: str) -> dict[str, Array]:
        """By how much others had moved when this one began to."""
        found: dict[str, Array] = {}
        for change in self.changes:
            if change.name == name:
                break
            found[change.name] = found.get(change.name, np.zeros_like(change.delta)) + change.delta
        return found


def followed(step: Callable[[], Any], parameters: Mapping[str, Parameter]) -> Timeline | None:
    """Run ``step`` and see what each of the user's lines does; None where there is too much to compare."""
    entries = sum(math.prod(p.shape) for p in parameters.values())
    lines = min(_MOST_LINES, _MOST_COMPARED // max(entries, 1))
    if lines < _FEWEST_LINES:
        return None
    watcher = _Watcher(parameters, lines)
    before = sys.gettrace()
    sys.settrace(watcher.entered)
    try:
        step()
    except Exception:  # the run before this one did not raise: what was seen so far is all there is
        watcher.timeline.is_whole = False
    finally:
        sys.settrace(before)
    watcher.look()
    return watcher.timeline


class _Watcher:
    def __init__(self, parameters: Mapping[str, Parameter], most: int) -> None:
        self.parameters, self.most = parameters, most
        self.last = {name: plain(p.now()) for name, p in parameters.items()}
        self.shapes = {p.shape for p in parameters.values()}
        self.timeline = Timeline()
        self.lines = 0
        self.standing: tuple[CodeType, int] | None = None
        self.seen: dict[int, object] = {id(p.original): p.original for p in parameters.values()}

    def entered(self, frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG002  # sys.settrace's form
        if not is_user_module(frame.f_globals.get("__name__")):
            return None
        self.look()
        return self.traced

    def traced(self, frame: FrameType, event: str, argument: object) -> Any:  # noqa: ARG002  # as above
        self.lines += 1
        if self.lines > self.most:
            self.timeline.is_whole = False
            return None
        self.look()
        self._look_at_locals(frame)
        outer = frame.f_back if event == "return" else frame
        if outer is not None:
            self.standing = (outer.f_code, outer.f_lineno)
        return self.traced

    def look(self) -> None:
        """What has changed since the last look was done by the line that stood there."""
        for name, parameter in self.parameters.items():
            now = plain(parameter.now())
            if not np.array_equal(now, self.last[name], equal_nan=True):
                self.timeline.changes.append(Change(name, now - self.last[name], self._where()))
                self.last[name] = now

    def _look_at_locals(self, frame: FrameType) -> None:
        for name, value in frame.f_locals.items():
            for array in _arrays(value):
                if id(array) not in self.seen and tuple(array.shape) in self.shapes:
                    self.seen[id(array)] = array
                    self.timeline.made.append(Local(name, plain(array), self._where()))

    def _where(self) -> Where:
        if self.standing is None:
            return Where("", 0)
        code, line = self.standing
        source = linecache.getline(code.co_filename, line).strip()
        return Where(code.co_filename, line, code.co_name, source)


def _arrays(value: Any) -> Iterator[Any]:
    if is_array(value) or is_tensor(value):
        yield value
    elif isinstance(value, dict):
        yield from (item for item in value.values() if is_array(item) or is_tensor(item))
    elif isinstance(value, list | tuple) and len(value) < 64:
        yield from (item for item in value if is_array(item) or is_tensor(item))
