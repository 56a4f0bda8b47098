"""One operation of the forward, as a hook of the trace sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from gradcheck.trace.sites import Site

__all__ = ["Operation"]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """What was computed, where in the user's source, and how it can be computed again.

    ``inputs`` and ``keywords`` are the arguments of the NumPy function with a tensor in the place of every traced
    array, in lists and tuples too; ``value`` is what NumPy computed. ``rule(*inputs, **keywords)`` gives ``result``
    again; None where there is no such function (one of several results, a cast).
    """

    site: Site
    name: str
    inputs: tuple[object, ...]
    keywords: Mapping[str, object]
    result: torch.Tensor
    value: Any
    rule: Callable[..., Any] | None
