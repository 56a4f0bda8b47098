"""Code that asks whether ``type(W) is np.ndarray``: not so while W is followed, and nothing can make it so.

``is`` compares two objects and asks neither. ``isinstance(W, np.ndarray)``, ``type(W) == np.ndarray``, a table with
``np.ndarray`` as a key and ``W.__class__`` are answered as for any array.
"""

from __future__ import annotations

import ast
import dis
import functools
import linecache
import os
from collections.abc import Iterable, Iterator
from types import CodeType, TracebackType

from gradcheck.watching.arrays.graph import Node

__all__ = ["asked_for_exact_type", "codes_of", "codes_raised_in"]


@functools.lru_cache(maxsize=1024)
def asked_for_exact_type(code: CodeType) -> str:
    """The place and the words in which a function asks so, as a remark; empty where it does not."""
    if not {"type", "ndarray"} <= {*code.co_names, *code.co_freevars}:
        return ""
    for instruction in dis.get_instructions(code):
        positions = instruction.positions
        if instruction.opname != "IS_OP" or positions is None or positions.lineno != positions.end_lineno:
            continue
        line = linecache.getline(code.co_filename, positions.lineno or 0).encode()
        text = line[positions.col_offset : positions.end_col_offset].decode(errors="replace")
        if _is_exact(text):
            place = f"{os.path.basename(code.co_filename)}:{positions.lineno}"
            return (
                f"{place} asks whether {text}: not so of an array that is followed, which is of a class of "
                "its own while the watch runs; isinstance() and == say that it is an np.ndarray"
            )
    return ""


def codes_of(nodes: Iterable[Node]) -> Iterator[CodeType]:
    """The functions in which operations were made, and those that called them."""
    for node in nodes:
        site = node.event.site
        yield site.code
        yield from (code for code, _ in site.path)


def codes_raised_in(traceback: TracebackType | None) -> Iterator[CodeType]:
    """The functions that an error went through."""
    while traceback is not None:
        yield traceback.tb_frame.f_code
        traceback = traceback.tb_next


def _is_exact(text: str) -> bool:
    try:
        found = ast.parse(text, mode="eval").body
    except SyntaxError:
        return False
    if not isinstance(found, ast.Compare) or len(found.ops) != 1 or not isinstance(found.ops[0], ast.Is | ast.IsNot):
        return False
    sides = (found.left, found.comparators[0])
    asks = any(isinstance(s, ast.Call) and isinstance(s.func, ast.Name) and s.func.id == "type" for s in sides)
    names = {s.attr if isinstance(s, ast.Attribute) else s.id for s in sides if isinstance(s, ast.Attribute | ast.Name)}
    return asks and "ndarray" in names
