"""What a function's source says: the names in its return statement, how it takes an argument apart."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

__all__ = ["LOOPED", "STARRED", "returned_names", "taken_apart", "unpacked_names"]

STARRED, LOOPED = "*", "for"  # beside the keys that something is taken apart with: all of its items are used


def returned_names(function: object) -> list[str | None] | None:
    """The names in the last ``return a, self.dW, f(c)``: ["a", "dW", None]. None where the source cannot be read."""
    tree = _tree(function)
    found = None if tree is None else _returned(tree)
    return None if found is None else list(found)


@functools.lru_cache(maxsize=256)
def _returned(tree: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> tuple[str | None, ...] | None:
    if isinstance(tree, ast.Lambda):
        values = [tree.body]
    else:
        values = [node.value for node in _own_nodes(tree) if isinstance(node, ast.Return) and node.value is not None]
    if not values:
        return None
    items = values[-1].elts if isinstance(values[-1], ast.Tuple | ast.List) else [values[-1]]
    return tuple(_name(item) for item in items)


def unpacked_names(function: object, argument: str) -> list[str] | None:
    """The names in ``x, w, b = argument``; None when there is no such statement or no source."""
    tree = _tree(function)
    if tree is None or isinstance(tree, ast.Lambda):
        return None
    for node in _own_nodes(tree):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Name)
            and node.value.id == argument
            and isinstance(node.targets[0], ast.Tuple | ast.List)
        ):
            names = [_name(item) for item in node.targets[0].elts]
            return [name for name in names if name is not None] if all(names) else None
    return None


def taken_apart(function: object, argument: str) -> frozenset[Any]:
    """The keys with which ``argument`` is unpacked, indexed or read: ``a, b = d`` gives 0 and 1, ``d["y"]`` gives "y".

    ``*d`` gives :data:`STARRED`, and ``for a in d`` or ``in zip(d, ...)`` gives :data:`LOOPED`.
    Empty where the source cannot be read, or where ``argument`` is used as a whole or indexed by anything else.
    """
    tree = _tree(function)
    return frozenset() if tree is None else _taken_apart(tree, argument)


@functools.lru_cache(maxsize=256)
def _taken_apart(tree: ast.AST, argument: str) -> frozenset[Any]:
    found: set[Any] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _is(node.value, argument):
            target = node.targets[0]
            found |= set(range(len(target.elts))) if isinstance(target, ast.Tuple | ast.List) else set()
        elif isinstance(node, ast.Subscript) and _is(node.value, argument) and isinstance(node.slice, ast.Constant):
            found.add(node.slice.value)
        elif isinstance(node, ast.Attribute) and _is(node.value, argument):
            found.add(node.attr)
        elif isinstance(node, ast.Starred) and _is_all_of(node.value, argument):
            found.add(STARRED)
        elif isinstance(node, ast.For | ast.comprehension):
            over = node.iter.args if isinstance(node.iter, ast.Call) else [node.iter]
            found |= {LOOPED} if any(_is_all_of(item, argument) for item in over) else set()
    return frozenset(found)


def _is(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_all_of(node: ast.expr, name: str) -> bool:
    """``d``, or ``d[::-1]``."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return node.slice.lower is node.slice.upper is None and _is(node.value, name)
    return _is(node, name)


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    return None


def _tree(function: Any) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function) if callable(function) else function
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        code = getattr(vars(type(function)).get("__call__"), "__code__", None)  # an object that is called
    return None if code is None else _tree_of(code)


@functools.lru_cache(maxsize=256)
def _tree_of(code: Any) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    try:
        lines, first = inspect.getsourcelines(code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError, IndexError):
        return None  # typed at a prompt, made by exec, or a lambda in the middle of a call
    want = code.co_firstlineno - first + 1
    if code.co_name == "<lambda>":
        lambdas = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda) and _fits(node, code)]
        return lambdas[0] if len(lambdas) == 1 else None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == code.co_name:
            lines_of = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
            if want in lines_of or len(lines) == 1:
                return node
    return None


def _fits(node: ast.Lambda, code: Any) -> bool:
    names = tuple(argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs))
    return bool(names == code.co_varnames[: len(names)])


def _own_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's body in source order, without those of functions written inside it."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        yield child
        yield from _own_nodes(child)
