"""Where in the user's source the trace is: the innermost frame that is the user's own."""

from __future__ import annotations

import dis
import functools
import itertools
import linecache
import opcode
import os
import sys
import sysconfig
from dataclasses import dataclass
from types import CodeType, FrameType

import numpy as np
import torch

from gradcheck.report import Where

__all__ = ["Site", "current_operation", "current_site", "is_users", "user_frame"]


@dataclass(frozen=True, slots=True)
class Site:
    """One place in the user's forward: the instruction, and the calls that led to it.

    Two operations on one line have different ``positions``; a line in a loop is one site however often it runs.
    ``path`` holds the calling instructions, innermost first.
    """

    code: CodeType
    instruction: int
    line: int
    path: tuple[tuple[CodeType, int], ...] = ()

    @property
    def file(self) -> str:
        """The source file's name as Python knows it."""
        return self.code.co_filename

    @property
    def function(self) -> str:
        """The function's qualified name."""
        return self.code.co_qualname

    @property
    def positions(self) -> tuple[int | None, int | None, int | None, int | None]:
        """(line, end line, column, end column) of the operation's source text."""
        return next(itertools.islice(self.code.co_positions(), self.instruction // 2, None))

    @property
    def caller(self) -> Site | None:
        """The place in the user's source that called this function; None for the forward itself."""
        if not self.path:
            return None
        (code, instruction), *outer = self.path
        line = next(itertools.islice(code.co_positions(), instruction // 2, None))[0]
        return Site(code, instruction, line or code.co_firstlineno, tuple(outer))

    @property
    def where(self) -> Where:
        """The place as the report shows it."""
        source = linecache.getline(self.file, self.line).strip()
        return Where(file=self.file, line=self.line, function=self.function, source=source)


def _directory(module_file: str | None) -> str:
    return os.path.dirname(os.path.abspath(module_file or "")) + os.sep


_LIBRARIES = (
    os.path.dirname(_directory(__file__).rstrip(os.sep)) + os.sep,
    _directory(np.__file__),
    _directory(torch.__file__),
    # SciPy is optional and need not be imported: it stands beside NumPy.
    os.path.join(os.path.dirname(_directory(np.__file__).rstrip(os.sep)), "scipy") + os.sep,
    "<__array_function__",
    "<frozen",
    "<eval_with_key>",  # what torch.compile and torch.fx write
)
_STANDARD = sysconfig.get_paths()["stdlib"] + os.sep
_known: dict[str, bool] = {}  # by file: to hash a code object reads all of it


def is_users(code: CodeType) -> bool:
    """Whether code is the user's own: neither gradcheck's, NumPy's, PyTorch's, SciPy's nor the standard library's."""
    name = code.co_filename
    known = _known.get(name)
    if known is None:
        installed = "site-packages" in name or "dist-packages" in name
        written = name.startswith(_LIBRARIES) or f"{os.sep}torchinductor_" in name
        known = not written and (installed or not name.startswith(_STANDARD))
        _known[name] = known
    return known


def user_frame(frame: FrameType | None = None) -> FrameType | None:
    """The innermost frame that belongs neither to gradcheck nor to NumPy, PyTorch, SciPy or the standard library.

    That, or one of those that called it, where a ``frame`` is given.
    """
    if frame is None:
        frame = sys._getframe(1)
    while frame is not None:
        known = _known.get(frame.f_code.co_filename)  # a call for each frame would take longer than all the rest
        if known or (known is None and is_users(frame.f_code)):
            break
        frame = frame.f_back
    return frame


def current_site() -> Site:
    """The site of the operation that is being traced right now."""
    innermost = user_frame()
    if innermost is None:
        frame = sys._getframe(1)
        return Site(frame.f_code, frame.f_lasti, frame.f_lineno)
    path: list[tuple[CodeType, int]] = []
    outer = innermost.f_back
    while outer is not None and is_users(outer.f_code):
        path.append((outer.f_code, _instruction(outer.f_code, outer.f_lasti)))
        outer = outer.f_back
    place = _instruction(innermost.f_code, innermost.f_lasti)
    return Site(innermost.f_code, place, innermost.f_lineno, tuple(path))


@functools.cache
def _instruction(code: CodeType, place: int) -> int:
    """The instruction at ``place``: once Python has specialized a call it rests on a cache entry behind it."""
    instructions = code.co_code
    while place > 0 and instructions[place] == _CACHE:
        place -= 2
    return place


def current_operation() -> str:
    """The operation of the user's current instruction: ``"STORE_SUBSCR"``, ``"%"``, ``"+="``, ``"CALL"``, ..."""
    frame = user_frame()
    if frame is None:
        return ""
    code = frame.f_code.co_code
    place = _instruction(frame.f_code, frame.f_lasti)
    name = dis.opname[code[place]]
    return _OPERATORS[code[place + 1]] if name == "BINARY_OP" else name


_CACHE = dis.opmap.get("CACHE", 0)
# The symbols of BINARY_OP's argument, in the interpreter's own order.
_OPERATORS: tuple[str, ...] = tuple(symbol for _, symbol in getattr(opcode, "_nb_ops", ())) or ("",) * 64
