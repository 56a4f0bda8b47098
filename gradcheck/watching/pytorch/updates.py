"""The steps of all optimizers, heard by one pair of hooks for all watches.

PyTorch goes through its global hooks by iterating over them: a watch that began or ended in another thread while an
optimizer makes its step would break that step ("OrderedDict mutated during iteration").
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from gradcheck.watching.pytorch.closures import Arguments

__all__ = ["hear_updates"]

Begins = Callable[..., Arguments | None]
Ends = Callable[..., None]

_lock = threading.Lock()
_heard: tuple[tuple[Begins, Ends], ...] = ()
_undo: list[Callable[[], None]] = []


def hear_updates(begins: Begins, ends: Ends) -> Callable[[], None]:
    """Call ``begins`` and ``ends`` around each step of any optimizer, as hooks of PyTorch's; what is given ends it."""
    global _heard
    pair = (begins, ends)
    with _lock:
        _heard = (*_heard, pair)
        if not _undo:
            _undo.append(register_optimizer_step_pre_hook(_begins).remove)
            _undo.append(register_optimizer_step_post_hook(_ends).remove)

    def no_more() -> None:
        global _heard
        with _lock:
            _heard = tuple(other for other in _heard if other is not pair)
            while _undo and not _heard:
                _undo.pop()()

    return no_more


def _begins(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments | None:
    __tracebackhide__ = True
    changed = None
    for begins, _ in _heard:
        new = begins(optimizer, args, kwargs)
        if new is not None:
            changed = args, kwargs = new
    return changed


def _ends(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    __tracebackhide__ = True
    for _, ends in _heard:
        ends(optimizer, args, kwargs)
