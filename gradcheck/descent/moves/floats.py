"""The floats that a step can reach: among them are learning rates, decay factors and limits."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

from gradcheck.layers.reach import Path, children, nodes_of
from gradcheck.state.territory import is_user_module, names_in

__all__ = ["floats_of"]


def floats_of(*roots: Any) -> dict[str, float]:
    """Every float by the words that it is found under: ``net.alpha``, ``lr``, ``optimizer.param_groups[0]['lr']``."""
    found: dict[str, float] = {}
    for root in roots:
        for path, value in nodes_of(*_starts(root)):
            if isinstance(value, float):
                found.setdefault(path.text, float(value))
    return found


def _starts(root: Any) -> Iterator[Path]:
    if isinstance(root, types.MethodType):
        yield from _below(root.__self__)
        yield from _named(root.__func__)
    elif isinstance(root, types.FunctionType):
        yield from _named(root)
    else:
        yield from _below(root)


def _below(holder: Any) -> Iterator[Path]:
    groups = getattr(holder, "param_groups", None)
    if isinstance(groups, list):  # a torch optimizer
        for k, group in enumerate(groups):
            yield from (
                Path(holder, (("attribute", "param_groups"), ("item", k), ("item", key)))
                for key, value in group.items()
                if isinstance(value, float)
            )
        return
    yield from (Path(holder, (step,)) for step in children(holder))


def _named(function: Any, deep: int = 2) -> Iterator[Path]:
    code = getattr(function, "__code__", None)
    if code is None or not is_user_module(getattr(function, "__module__", None)):
        return
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        yield from _held(Path(cell, (("cell", name),)), deep)
    namespace = function.__globals__
    for name in sorted(names_in(code)):
        if name in namespace:
            yield from _held(Path(namespace, (("item", name),)), deep)


def _held(path: Path, deep: int) -> Iterator[Path]:
    value = path.get()
    if isinstance(value, types.FunctionType | types.MethodType):
        if deep:
            yield from _named(getattr(value, "__func__", value), deep - 1)
        return
    groups = getattr(value, "param_groups", None)
    if isinstance(groups, list):
        yield from (Path(path.root, (*path.steps, *below.steps)) for below in _below(value))
    elif not isinstance(value, types.ModuleType | type):
        yield path
