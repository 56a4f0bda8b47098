"""An operation in words: how the source writes it, what its operands are called, and which phase of a step it is in."""

from __future__ import annotations

import ast
import functools
import itertools
import linecache
import re
from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

import numpy as np

from gradcheck.layers.spelling import looks_like_parameter
from gradcheck.trace.sites import Site

__all__ = ["Source", "operand_value", "operation_name", "phase_of", "source_of"]

Phase = Literal["forward", "loss", "backward", "update"]

_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.USub: "-", ast.UAdd: "+",
}  # fmt: skip
# Calls of these hand the arrays on to a function that the source does not show here.
_INDIRECT = frozenset(
    ["map", "sum", "list", "tuple", "sorted", "max", "min", "reduce", "accumulate", "starmap", "next"]
)
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Source:
    """What the source says at one instruction. ``operands`` are expressions, the receiver of a method first.

    ``function`` is the called function's own name (``exp``, ``dot``), empty for an operator; ``target`` is the text
    that the statement assigns to, with its sign where it is augmented (``W -=``).
    """

    operation: str = ""
    function: str = ""
    method: bool = False
    operands: tuple[ast.expr, ...] = ()
    target: str = ""
    stores: bool = False

    def name(self, position: int) -> str:
        """What the operand is called; empty where that cannot be told or is too long to be of use."""
        if position >= len(self.operands) or any(isinstance(o, ast.Starred) for o in self.operands[: position + 1]):
            return ""
        text = ast.unparse(self.operands[position])
        return text if len(text) <= _LONGEST else ""


def source_of(site: Site) -> Source:
    """The source at a site; with nothing in it where the source cannot be read."""
    return _source(site.code, site.instruction)


def operation_name(site: Site, function: Any) -> str:
    """How the source writes an operation: ``@``, ``-=``, ``np.exp``, ``sum``; the function's own name elsewhere."""
    return source_of(site).operation or _own_name(function)


def _own_name(function: Any) -> str:
    name = getattr(function, "__name__", str(function))
    return name if name.startswith("_") else f"np.{name}"


@functools.lru_cache(maxsize=4096)
def _source(code: CodeType, instruction: int) -> Source:
    line, end, start, stop = next(itertools.islice(code.co_positions(), instruction // 2, None))
    if line is None or end is None or start is None or stop is None:
        return Source()
    lines = [linecache.getline(code.co_filename, i) for i in range(line, end + 1)]
    if not all(lines):
        return Source()
    # columns count bytes
    lines[-1] = lines[-1].encode()[:stop].decode(errors="replace")
    lines[0] = lines[0].encode()[start:].decode(errors="replace")
    text = "".join(lines)
    target = _target(linecache.getline(code.co_filename, line))
    for form in (f"({text}\n)", text):
        try:
            statement = ast.parse(form).body[0]
        except (SyntaxError, IndexError, ValueError):
            continue
        return _understood(statement, target)
    return Source(target=target)


def _understood(statement: ast.stmt, target: str) -> Source:
    if isinstance(statement, ast.AugAssign):
        symbol = _SYMBOLS.get(type(statement.op), "") + "="
        shown = f"{ast.unparse(statement.target)} {symbol}"
        return Source(symbol, operands=(statement.target, statement.value), target=shown)
    node = statement.value if isinstance(statement, ast.Expr) else statement
    if isinstance(node, ast.BinOp):
        return Source(_SYMBOLS.get(type(node.op), ""), operands=(node.left, node.right), target=target)
    if isinstance(node, ast.UnaryOp):
        return Source(_SYMBOLS.get(type(node.op), ""), operands=(node.operand,), target=target)
    if isinstance(node, ast.Subscript):
        return Source("[]=", operands=(node.value,), target=target, stores=True)
    if isinstance(node, ast.Call):
        return _called(node, target)
    return Source(target=target)


def _called(node: ast.Call, target: str) -> Source:
    operands = tuple(node.args)
    if isinstance(node.func, ast.Name):
        if node.func.id in _INDIRECT:
            return Source(target=target)
        return Source(node.func.id, node.func.id, operands=operands, target=target)
    if isinstance(node.func, ast.Attribute):
        name, holder = node.func.attr, ast.unparse(node.func.value)
        if holder.split(".")[0] in ("np", "numpy", "scipy", "special", "math"):
            return Source(f"{holder}.{name}", name, operands=operands, target=target)
        return Source(name, name, method=True, operands=(node.func.value, *operands), target=target)
    return Source(target=target)


def _target(line: str) -> str:
    """What a source line assigns to, as far as one line shows it."""
    found = re.match(r"\s*([^=!<>]+?)\s*([-+*/@%]|\*\*|//)?=(?!=)", line)
    if found is None or "(" in found[1]:
        return ""
    return f"{found[1]} {found[2]}=" if found[2] else found[1]


def operand_value(node: ast.expr, names: dict[str, Any], module: dict[str, Any]) -> Any:
    """The value of a simple operand (names, attributes held in an object's own dict, ``.T``), or None.

    Nothing of the user's is run for it.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id, module.get(node.id))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = operand_value(node.operand, names, module)
        return -inner if isinstance(inner, int | float) else None
    if isinstance(node, ast.Attribute):
        holder = operand_value(node.value, names, module)
        if isinstance(holder, np.ndarray):
            return holder.T if node.attr == "T" else None
        own = getattr(holder, "__dict__", None)
        return own.get(node.attr) if isinstance(own, dict) else None
    return None


_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_BACKWARD = ["backward", "backwards", "backprop", "backpropagate", "back", "bprop", "grad", "grads", "gradient"]
_BACKWARD += ["gradients", "delta", "deltas", "derivative", "derivatives", "prime", "vjp", "pullback"]
_UPDATE = ["update", "updates", "move", "optimizer", "optimize", "optimise", "optimiser", "apply", "sgd", "adam"]
_UPDATE += ["momentum", "descend", "descent"]
_PHASES: tuple[tuple[Phase, frozenset[str]], ...] = (
    ("backward", frozenset(_BACKWARD)),
    ("update", frozenset(_UPDATE)),
    ("loss", frozenset(["loss", "cost", "criterion", "entropy", "objective", "nll", "mse"])),
    ("forward", frozenset(["forward", "predict", "feed", "feedforward", "run"])),
)


def _last_word(target: str) -> str:
    words = re.findall(r"[^\W\d]\w*", target)
    return str(words[-1]) if words else ""


def phase_of(site: Site, into_parameter: bool = False) -> Phase:
    """The phase as the names tell it: an update where a parameter is written to, else by functions, innermost first.

    Functions whose names tell nothing (``train_step``, ``softmax``) leave it to what the line does to a parameter, then
    to their callers, and after them to what else the line assigns to: ``dW = `` is a backward, ``W -= `` an update.
    """
    if into_parameter:
        return "update"
    target = source_of(site).target
    for code in (site.code, *(code for code, _ in site.path)):
        name = code.co_name
        if re.match(r"d_[a-z]", name):
            return "backward"
        words = {word.lower() for word in _WORDS.findall(name)}
        for phase, known in _PHASES:
            if words & known:
                return phase
        if code is site.code and target.endswith("-=") and looks_like_parameter(_last_word(target)):
            return "update"
    bare = target.removesuffix("=").rstrip(" +-*/@%").rpartition(".")[2]
    if target.endswith("-="):
        return "update"
    if re.match(r"d[A-Z]|d_|d[a-z]\d*$|grad|delta", bare) or "grad" in bare:
        return "backward"
    if bare in ("loss", "cost", "nll"):
        return "loss"
    return "forward"
