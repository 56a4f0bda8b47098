"""Where functions keep things: module globals, closure variables and function attributes that their code names."""

from __future__ import annotations

import dis
import functools
import types
from typing import Any

from gradcheck.layers.reach import Path, Step
from gradcheck.state.territory import is_user_module

__all__ = ["starts_of"]

_FUNCTIONS = (types.FunctionType, types.MethodType, functools.partial)
_NO_HOLDERS = (type, types.ModuleType)


def starts_of(*callables: Any) -> list[Path]:
    """The globals and closure variables named in the code of ``callables`` and of the functions they call."""
    found: list[Path] = []
    seen: set[int] = set()
    queue = list(callables)
    while queue:
        function = queue.pop(0)
        if isinstance(function, functools.partial):
            queue += [function.func]
            continue
        if isinstance(function, types.MethodType):
            function = function.__func__
        if not isinstance(function, types.FunctionType) or id(function) in seen:
            continue
        seen.add(id(function))
        if not is_user_module(function.__module__):
            continue
        namespace = function.__globals__
        held: list[tuple[Any, tuple[Step, Any], Any]] = [
            (function, ("attribute", name), v) for name, v in vars(function).items()
        ]
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            held.append((cell, ("cell", name), Path(cell, (("cell", name),)).get()))
        held += [
            (namespace, ("item", name), namespace[name]) for name in _globals_in(function.__code__) if name in namespace
        ]
        for root, step, value in held:
            if isinstance(value, _FUNCTIONS):
                queue.append(value)
            elif not isinstance(value, _NO_HOLDERS):
                found.append(Path(root, (step,)))
    return list({(id(path.root), path.steps): path for path in found}.values())


@functools.lru_cache(maxsize=1024)
def _globals_in(code: types.CodeType) -> tuple[str, ...]:
    """The globals that this code and the functions written inside it name; an attribute ``ctx.b`` is no global b."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL")}
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return tuple(sorted(names.union(*map(_globals_in, inner))))
