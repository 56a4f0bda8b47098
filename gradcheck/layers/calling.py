"""Calling user code: its signature in plain terms, and its exceptions with the place they came from."""

from __future__ import annotations

import functools
import inspect
import os
import traceback
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gradcheck.errors import GradcheckError

__all__ = ["Signature", "called", "signature_of", "user_code"]

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@dataclass(frozen=True)
class Signature:
    """The arguments of a callable: those that may be given by position, and those by keyword only."""

    names: tuple[str, ...]
    required: int
    keyword_only: tuple[str, ...] = ()
    keyword_required: tuple[str, ...] = ()
    rest: bool = False
    any_keyword: bool = False
    known: bool = True
    defaults: Mapping[str, object] = field(default_factory=dict)

    def takes(self, name: str) -> bool:
        """Whether the callable has an argument of this name."""
        return name in self.names or name in self.keyword_only

    def taken_of(self, keywords: Mapping[str, Any]) -> dict[str, Any]:
        """Those of ``keywords`` that the callable takes."""
        return {name: value for name, value in keywords.items() if self.any_keyword or self.takes(name)}

    def accepts(self, count: int) -> bool:
        """Whether it can be called with ``count`` arguments by position."""
        return not self.known or (self.required <= count and (self.rest or count <= len(self.names)))

    def __str__(self) -> str:
        if not self.known:
            return "(...)"
        words = [*self.names[: self.required], *(f"{name}=" for name in self.names[self.required :])]
        words += ["*args"] if self.rest else []
        return "(" + ", ".join([*words, *self.keyword_only]) + ")"


def signature_of(function: Callable[..., Any]) -> Signature:
    """Read the signature; what has none (some builtins, ufuncs) accepts anything."""
    plain = _plainly(function)
    if plain is not None:
        return plain
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return Signature((), 0, rest=True, any_keyword=True, known=False)
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    # after partial(f, w=W) the arguments from w on can be given by keyword only, as inspect says itself
    only = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    return Signature(
        names=tuple(p.name for p in positional),
        required=sum(p.default is p.empty for p in positional),
        keyword_only=tuple(p.name for p in only),
        keyword_required=tuple(p.name for p in only if p.default is p.empty),
        rest=any(p.kind is p.VAR_POSITIONAL for p in parameters),
        any_keyword=any(p.kind is p.VAR_KEYWORD for p in parameters),
        defaults={p.name: p.default for p in parameters if p.default is not p.empty},
    )


def _plainly(function: Callable[..., Any]) -> Signature | None:
    """The signature of a function as it was written, a tenth of the cost of asking ``inspect``; None for all else."""
    own = getattr(function, "__func__", None) if isinstance(function, types.MethodType) else function
    if not isinstance(own, types.FunctionType) or own.__dict__:  # a decorator's marks are there
        return None
    code = own.__code__
    flags, count, only = code.co_flags, code.co_argcount, code.co_kwonlyargcount
    if own is not function and not count:
        return None
    values = own.__defaults__ or ()
    names, words = code.co_varnames[:count], code.co_varnames[count : count + only]
    defaults = dict(zip(names[count - len(values) :], values, strict=True)) if values else {}
    defaults |= {name: value for name, value in (own.__kwdefaults__ or {}).items() if name in words}
    names = names if own is function else names[1:]
    return Signature(
        names=names,
        required=sum(name not in defaults for name in names),
        keyword_only=words,
        keyword_required=tuple(name for name in words if name not in defaults),
        rest=bool(flags & inspect.CO_VARARGS),
        any_keyword=bool(flags & inspect.CO_VARKEYWORDS),
        defaults=defaults,
    )


def called(value: Any) -> str:
    """The name a user knows a callable or object by."""
    while isinstance(value, functools.partial):
        value = value.func
    if isinstance(value, types.MethodType):
        return f"{called(value.__self__)}.{value.__name__}"
    if isinstance(value, types.ModuleType):
        return value.__name__
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or type(value).__name__
    return str(name).rpartition("<locals>.")[2]


@contextmanager
def user_code(what: str, details: Mapping[str, object] | None = None) -> Iterator[None]:
    """Turn what user code raises inside the block into a :class:`GradcheckError` that says where it was raised.

    Args:
        what: who is called, as in "the forward affine".
        details: more to say, one line each ("arguments": "x (3, 4), w (4, 2)").
    """
    try:
        yield
    except GradcheckError:
        raise
    except Exception as error:
        frame = _frame(error)
        place = f" at {frame.filename}:{frame.lineno}" if frame is not None else ""
        text = f"{what} raised {type(error).__name__}: {error}{place}"
        for key, value in (details or {}).items():
            text += f"\n  {key}: {value}"
        said = GradcheckError(text)
        said.in_backward = not what.startswith("the forward")
        raise said from error


def _frame(error: Exception) -> traceback.FrameSummary | None:
    """The innermost line that is the user's: not ours, and not inside NumPy, PyTorch or the standard library."""
    frames = traceback.extract_tb(error.__traceback__)
    library = (os.sep + "site-packages" + os.sep, os.path.dirname(os.__file__) + os.sep, "<frozen ", "<__array")
    for frame in reversed(frames):
        if not frame.filename.startswith(_OURS) and not any(part in frame.filename for part in library):
            return frame
    return None
