"""The text of an operation in the user's source, and of its operands."""

from __future__ import annotations

import ast
import functools
import linecache
import re

from gradcheck.trace import Site

__all__ = ["factors_of", "operands_of", "shortened", "statement_of", "target_of", "text_of"]

_LONGEST = 48
_MODULES = {"np", "numpy", "math", "scipy", "special", "torch", "nn", "functional", "F"}


def text_of(site: Site) -> str:
    """The source text of an operation, on one line; the whole line where Python does not know its columns."""
    line, end_line, column, end_column = site.positions
    if line is None or end_line is None:
        return site.where.source
    lines = [linecache.getline(site.file, k).rstrip("\n") for k in range(line, end_line + 1)]
    if not any(lines):
        return site.where.source
    # columns are counted in bytes
    whole = [text.encode() for text in lines]
    whole[-1] = whole[-1][:end_column]
    whole[0] = whole[0][column:]
    return " ".join(text.decode(errors="replace").strip() for text in whole)


def shortened(text: str) -> str:
    """A source text fit for a sentence: its middle left out where it is long; the line itself stands below it."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 16]}…{text[-15:]}"


def operands_of(site: Site) -> list[str]:
    """The source texts of what an operation is applied to: a + b, f(a, b), a.f(b), a[i]; empty where unknown."""
    return list(_operands(text_of(site).strip()))


@functools.lru_cache(maxsize=1024)
def _operands(text: str) -> tuple[str, ...]:
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return ()
    if isinstance(tree, ast.BinOp):
        parts: list[ast.expr] = [tree.left, tree.right]
    elif isinstance(tree, ast.UnaryOp):
        parts = [tree.operand]
    elif isinstance(tree, ast.Subscript):
        parts = [tree.value]
    elif isinstance(tree, ast.Call):
        parts = [a for a in tree.args if not isinstance(a, ast.Starred) and not _is_text(a)]
        if isinstance(tree.func, ast.Attribute) and not _is_module(tree.func.value):
            parts.insert(0, tree.func.value)
    else:
        return ()
    return tuple(ast.unparse(part) for part in parts)


def factors_of(site: Site) -> list[str]:
    """What the two factors of a product are called: by the source, as far as it shows which they are."""
    operands = operands_of(site)
    if len(operands) > 2 and re.match(r"([\w.]+\.)?(linear|conv[123]d)\s*\(", text_of(site)):
        operands = operands[:2]  # the bias comes after them
    return operands if len(operands) == 2 else ["its first factor", "its second factor"]


def statement_of(site: Site) -> str:
    """What the statement of an operation computes: the right side of =, what is returned; else its line.

    Of several statements on one line, or in a function or loop of one line, it is the one that the operation stands in.
    """
    line = site.where.source
    try:
        statement = _around(site, ast.parse(line).body)
    except (SyntaxError, IndexError):
        if not line.startswith("return "):
            return line
        statement = ast.parse(line.removeprefix("return ")).body[0]
    value = getattr(statement, "value", None)
    return ast.unparse(value) if isinstance(value, ast.expr) else line


def _around(site: Site, body: list[ast.stmt]) -> ast.stmt:
    """The innermost statement at the column of an operation."""
    raw = linecache.getline(site.file, site.line)
    column = (site.positions[2] or 0) - (len(raw) - len(raw.lstrip()))
    for statement in body:
        if statement.col_offset <= column < (statement.end_col_offset or 0):
            inner = getattr(statement, "body", None)
            return _around(site, inner) if isinstance(inner, list) and inner else statement
    return body[0]


def target_of(site: Site) -> str:
    """The name that the result of an operation is given on its line; empty where it has none of its own."""
    return _target(site.where.source.strip(), text_of(site).strip())


@functools.lru_cache(maxsize=1024)
def _target(line: str, text: str) -> str:
    try:
        statement = ast.parse(line).body[0]
        operation = ast.parse(text, mode="eval").body
    except (SyntaxError, IndexError):
        return ""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return ""
    return ast.unparse(statement.targets[0]) if ast.dump(statement.value) == ast.dump(operation) else ""


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_module(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):  # torch.nn.functional
        node = node.value
    return isinstance(node, ast.Name) and node.id in _MODULES
