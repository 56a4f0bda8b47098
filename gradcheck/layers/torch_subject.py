"""Telling a ``torch.autograd.Function`` or an ``nn.Module`` from plain NumPy code, without importing PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gradcheck.errors import GradcheckError

__all__ = ["TorchSubject", "refuse_for_functions_only", "torch_subject"]


@dataclass(frozen=True)
class TorchSubject:
    """A layer written for PyTorch: what it is, and the arguments that came with it."""

    kind: Literal["function", "module"]
    target: Any
    arguments: tuple[Any, ...]


def torch_subject(subject: Sequence[Any]) -> TorchSubject | None:
    """The marker when the first argument is PyTorch's, else None. Who has such an object has imported torch."""
    torch = sys.modules.get("torch")
    if torch is None or not subject:
        return None
    first, rest = subject[0], tuple(subject[1:])
    if isinstance(first, type) and issubclass(first, torch.autograd.Function):
        return TorchSubject("function", first, rest)
    # MyFunction.apply is a bound classmethod: what people call, so what they pass
    owner = getattr(first, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, torch.autograd.Function):
        return TorchSubject("function", owner, rest)
    if isinstance(first, torch.nn.Module):
        return TorchSubject("module", first, rest)
    return None


def refuse_for_functions_only(gradgrad: bool, vmap: bool | None) -> None:
    """Options that ask for what only a Function has.

    Raises:
        GradcheckError: one of them is given.
    """
    for name, value in (("gradgrad", gradgrad), ("vmap", vmap)):
        if value:
            raise GradcheckError(
                f"{name}: only a torch.autograd.Function can be checked so; leave it out, or give the Functions of a "
                "model one by one (check_module finds them)"
            )
