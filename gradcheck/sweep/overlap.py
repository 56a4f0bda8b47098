"""Windows that lie side by side: where the stride is the window's size, `=` for `+=` is right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.report import Finding, Report
from gradcheck.sweep.call import Call, is_of_torch

__all__ = ["with_windows_overlapping"]

_STRIDES = ("stride", "strides")
_WINDOWS = ("size", "window", "window_size", "pool", "pool_size", "kernel", "kernel_size", "ksize", "k", "pool_height")
_SMALL = 10_000  # numbers, up to which a second check costs little


def with_windows_overlapping(
    report: Report, layer: Sequence[Any], options: Mapping[str, Any], check: Callable[..., Report]
) -> Report:
    """The report, with a warning where its gradients are right side by side and wrong where windows overlap.

    Asked of small layers that are right; ``check`` makes a report and raises for misuse only. A stride that the layer
    does not take is not said anything of.
    """
    small = sum(math.prod(g.shape) for g in report.gradients) <= _SMALL
    if not report.ok or not small or not layer or is_of_torch(layer[0]):
        return report
    call = Call(tuple(layer), dict(options) | {"upstream": None, "budget": 0, "power": None})
    for name, stride, window, size in _side_by_side(call):
        for other in dict.fromkeys((size - 1, 1)):
            changed = call.with_option(name, (other,) * len(stride) if isinstance(stride, tuple) else other)
            try:
                with changed.attributes_set():
                    found = check(changed.layer, **changed.options)
            except GradcheckError:
                continue
            wrong = [g.name for g in found.gradients if g.verdict == "wrong"]
            warned = (_warning(wrong, size, other, window),) if wrong else ()
            counts = Counter(dict(report.evaluations)) + Counter(dict(found.evaluations))
            return replace(report, findings=(*report.findings, *warned), evaluations=tuple(counts.items()))
    return report


def _side_by_side(call: Call) -> Iterator[tuple[str, Any, str, int]]:
    """The option that is the stride, its value, and the window's name and size, where these are equal and above 1."""
    for name in _STRIDES:
        stride = call.option(name)
        size = _one_size(stride)
        if size is None or size < 2:
            continue
        for window in _WINDOWS:
            if _one_size(call.option(window)) == size:
                yield name, stride, window, size
                return
        for array in call.arguments[1:]:
            if isinstance(array, np.ndarray) and array.ndim == 4 and array.shape[2:] == (size, size):
                yield name, stride, "the kernel's", size
                return


def _one_size(value: Any) -> int | None:
    """A whole number, or that of a tuple of equal ones."""
    if isinstance(value, tuple) and value and len(set(value)) == 1:
        value = value[0]
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _warning(wrong: Sequence[str], size: int, other: int, window: str) -> Finding:
    names = " and ".join(wrong)
    are = "is" if len(wrong) == 1 else "are"
    return Finding(
        "GC144",
        "warning",
        f"{names} {are} right where windows lie side by side, and wrong where they overlap",
        gradient=", ".join(wrong),
        evidence=(f"right with stride {size}, which is the window's size ({window}); wrong with stride {other}",),
        help=("add what overlapping windows give (+=), do not assign it; if windows never overlap, nothing is wrong",),
    )
