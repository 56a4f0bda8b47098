"""Where in a model a Function was applied: the module whose code runs, and the user's line, read from the stack."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import torch

from gradcheck.report import Where

__all__ = ["placed"]

_TORCH = str(Path(torch.__file__).parent) + os.sep
_OURS = str(Path(__file__).parents[1]) + os.sep


def placed(paths: Mapping[int, str]) -> tuple[str | None, Where | None]:
    """The path of the innermost module on the stack (None outside of the model), and the line that applies.

    ``paths`` has the path of each module by its identity. The stack is read, and no hooks are used: so it is right
    where a module's ``forward`` is called directly, when a checkpoint computes again, and on a thread of the engine.
    """
    frame: FrameType | None = sys._getframe(1)
    path: str | None = None
    where: Where | None = None
    while frame is not None and (path is None or where is None):
        code = frame.f_code
        if where is None and not code.co_filename.startswith((_TORCH, _OURS)):
            line = linecache.getline(code.co_filename, frame.f_lineno).strip()
            where = Where(code.co_filename, frame.f_lineno, code.co_name, line)
        if code.co_argcount and path is None and not code.co_filename.startswith(_OURS):
            first = frame.f_locals.get(code.co_varnames[0])
            path = paths.get(id(first)) if isinstance(first, torch.nn.Module) else None
        frame = frame.f_back
    return path, where
