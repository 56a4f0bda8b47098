"""Where a check was called from, and the line that calls it again."""

from __future__ import annotations

import ast
import functools
import linecache
import os
import sys
from pathlib import Path
from types import FrameType

from gradcheck.report import Where

__all__ = ["calling_place", "line_to_reproduce", "versions"]

_HERE = str(Path(__file__).parent)
_PYTHON = os.path.dirname(os.__file__) + os.sep


def calling_place() -> Where:
    """The innermost frame outside of this package, with the call that it stands at as its source.

    Where Python itself calls the check (it is a thread's target, a pool's job), there is no source to show.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    code, line = frame.f_code, frame.f_lineno
    if code.co_filename.startswith(_PYTHON) and "site-packages" not in code.co_filename:
        return Where(code.co_filename, line, code.co_name)
    return Where(_cell(code.co_filename) or code.co_filename, line, code.co_name, _call(frame))


def _call(frame: FrameType) -> str:
    """The source of the expression that the frame evaluates; its whole lines where Python kept no columns."""
    code = frame.f_code
    start, end, left, right = list(code.co_positions())[frame.f_lasti // 2]
    first, last = start or frame.f_lineno, end or frame.f_lineno
    lines = [linecache.getline(code.co_filename, n).encode() for n in range(first, last + 1)]
    if left is not None and right is not None:  # in bytes; the end first, for both may be on one line
        lines[-1] = lines[-1][:right]
        lines[0] = lines[0][left:]
    return b"".join(lines).decode(errors="replace").strip()


def _cell(file: str) -> str:
    """``Cell In[3]`` for the temporary file that a notebook runs a cell from; empty for other files."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    names = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)(file)
    return " ".join(names) if names else ""


def line_to_reproduce(where: Where, seed: int | None, dtype: str | None = None) -> str:
    """The call on one line, or empty where there is no source.

    ``seed``, and the ``dtype`` that a check was made in though its call does not say so, are written into it.
    """
    if not where.source:
        return ""
    return _with_options(where.source, seed, dtype)


@functools.lru_cache(maxsize=256)
def _with_options(source: str, seed: int | None, dtype: str | None) -> str:
    text = " ".join(line.strip() for line in source.splitlines())
    try:
        call = next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and _is_check(n))
    except (SyntaxError, StopIteration):
        return text
    said = {k.arg for k in call.keywords}
    added = {k: v for k, v in (("dtype", dtype), ("seed", seed)) if v is not None and k not in said}
    if not added:
        return text
    call.keywords += [ast.keyword(name, ast.Constant(value)) for name, value in added.items()]
    return ast.unparse(call)


def _is_check(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name.startswith("check_") or name in ("gradient", "compare")


@functools.cache
def versions() -> tuple[tuple[str, str], ...]:
    """The versions that a report was made with."""
    import numpy
    import torch

    from gradcheck import __version__

    return (("gradcheck", __version__), ("torch", str(torch.__version__)), ("numpy", numpy.__version__))
