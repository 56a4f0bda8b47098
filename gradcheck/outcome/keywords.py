"""Arguments by a name that a public function does not have."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

from gradcheck.errors import GradcheckError

__all__ = ["refuse_unknown"]


def refuse_unknown(function: Callable[..., object], given: Iterable[str]) -> None:
    """Say what would be right: the name that was likely meant, or where the forward's own arguments go.

    Raises:
        GradcheckError: ``function`` has no argument of one of the names.
    """
    code = function.__code__
    known = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    unknown = next((name for name in given if name not in known), None)
    if unknown is None:
        return
    told = [f"did you mean {name}=" for name in difflib.get_close_matches(unknown, known, 1, cutoff=0.75)]
    if "kwargs" in known:
        told.append(f"what the forward takes by name goes into kwargs={{{unknown!r}: ...}}")
    told = told or [f"it takes {', '.join(known)}"]
    raise GradcheckError(f"{unknown}: {function.__name__} has no argument of this name; {'; '.join(told)}") from None
