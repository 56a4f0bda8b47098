"""The forward of a ``torch.autograd.Function`` recorded: each torch operation of it behind a gate."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from gradcheck.causes.recording import Recording, gated, recorded
from gradcheck.causes.torch_operations import Hook, put_behind
from gradcheck.trace.sites import current_site, is_users
from gradcheck.witnesses.subject import Array, Values
from gradcheck.witnesses.torch_function import FunctionSubject

__all__ = ["Operations", "record_function"]

_TORCH = str(Path(torch.__file__).parent) + os.sep


class Operations(TorchFunctionMode):
    """Every torch function that is called, told to ``hook`` with its result, which may be replaced."""

    def __init__(self, hook: Hook) -> None:
        super().__init__()
        self.hook = hook

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        keywords = dict(kwargs or {})
        result = func(*args, **keywords)
        changed = any(result is a for a in (*args, *keywords.values()))  # in place: there is nothing to put behind it
        if changed or not _is_called_by_user():
            return result
        return put_behind(self.hook, current_site(), func, args, keywords, result)


def _is_called_by_user() -> bool:
    """Whether the innermost frame beside PyTorch's and this file's is the user's; copies that a check makes are not."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((_TORCH, __file__)):
        frame = frame.f_back
    return frame is not None and is_users(frame.f_code)


def record_function(subject: FunctionSubject, values: Values, upstreams: Sequence[Array]) -> Recording | None:
    """Run the forward of the Function once, recorded; None where it cannot be followed."""
    views = _recorded(subject, values, upstreams, are_copied=False)
    return _recorded(subject, values, upstreams, are_copied=True) if views is None else views


def _recorded(
    subject: FunctionSubject, values: Values, upstreams: Sequence[Array], are_copied: bool
) -> Recording | None:
    gates, hook = gated(are_copied)
    wide = {n: v.astype(np.float64) for n, v in values.items()}
    try:
        with Operations(hook):
            leaves, outputs = subject.traced(wide, torch.float64)
        pairs = [(o, u) for o, u in zip(outputs, upstreams, strict=True) if o.requires_grad]
        total = torch.stack([(o * torch.as_tensor(np.array(u)).to(o.detach())).sum() for o, u in pairs]).sum()
        return recorded(gates, leaves, total)
    except Exception:
        return None
