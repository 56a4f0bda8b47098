"""Ways into the forward that no slot holds: ``import numpy`` inside a function, and the built-in ``float``."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gradcheck.trace.overlay import TypeOverlay, overlaid
from gradcheck.trace.sites import is_users

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["entrances"]


@contextmanager
def entrances(trace: Trace, namespaces: Iterable[dict[str, Any]]) -> Iterator[None]:
    """While the block runs, imports made by user code give overlays, and ``float(x)`` in ``namespaces`` stays traced.

    ``namespaces`` are the globals of the user's modules; those that define a ``float`` of their own are left alone.
    """
    ordinary = builtins.__import__

    def importing(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        module = ordinary(name, globals, locals, fromlist or (), level)
        caller = sys._getframe(1).f_code
        # A function's own import lands in its locals; one at the top of a module would stay there after the trace.
        if type(module) is ModuleType and is_users(caller) and caller.co_name != "<module>":
            return overlaid(trace, module)
        return module

    changed = [namespace for namespace in {id(each): each for each in namespaces}.values() if "float" not in namespace]
    number = TypeOverlay(trace, float)
    try:
        builtins.__import__ = importing
        for namespace in changed:
            namespace["float"] = number
        yield
    finally:
        builtins.__import__ = ordinary
        for namespace in changed:
            if namespace.get("float") is number:
                del namespace["float"]
