"""A module that casts by itself (``x.float()`` in front of a norm), run in another dtype throughout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

__all__ = ["casting_as"]

_CASTS = {torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16, torch.Tensor.double}


@contextmanager
def casting_as(dtype: torch.dtype) -> Iterator[None]:
    """Meanwhile every cast to a floating-point dtype, and every tensor made of one, is of ``dtype``.

    Example:
        >>> with casting_as(torch.float64):
        ...     torch.ones(2, dtype=torch.float64).float().dtype, torch.ones(2).half().dtype
        (torch.float64, torch.float64)
    """
    with _Casting(dtype):
        yield


class _Casting(TorchFunctionMode):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _CASTS:
            return args[0].to(self.dtype)
        return func(*map(self._wide, args), **{key: self._wide(value) for key, value in (kwargs or {}).items()})

    def _wide(self, value: Any) -> Any:
        return self.dtype if isinstance(value, torch.dtype) and value.is_floating_point else value
