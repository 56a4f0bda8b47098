"""Discrete Fourier transforms of NumPy and SciPy. Shadows may be complex; a gradient of a real loss stays real."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, refuse
from gradcheck.trace.rules.positions import moves
from gradcheck.trace.rules.table import Rule, register


def _along_one(transform: Callable[..., torch.Tensor]) -> Rule:
    def rule(
        a: Operand,
        n: int | None = None,
        axis: int = -1,
        norm: str | None = None,
        out: Any = None,
        **more: Any,
    ) -> torch.Tensor:
        _refuse_others(out, more)
        return transform(as_tensor(a), n, axis, norm)

    return rule


def _along_two(transform: Callable[..., torch.Tensor]) -> Rule:
    def rule(
        a: Operand, s: Any = None, axes: Any = (-2, -1), norm: str | None = None, out: Any = None, **more: Any
    ) -> torch.Tensor:
        _refuse_others(out, more)
        return transform(as_tensor(a), s, tuple(axes), norm)

    return rule


def _along_all(transform: Callable[..., torch.Tensor]) -> Rule:
    def rule(
        a: Operand, s: Any = None, axes: Any = None, norm: str | None = None, out: Any = None, **more: Any
    ) -> torch.Tensor:
        _refuse_others(out, more)
        return transform(as_tensor(a), s, None if axes is None else tuple(axes), norm)

    return rule


def _refuse_others(out: Any, more: dict[str, Any]) -> None:
    # SciPy's fifth positional argument is overwrite_x, which changes no value.
    refuse(out=None if isinstance(out, bool) else out)
    if more.keys() - {"overwrite_x", "workers", "x"}:
        raise NotImplementedError(f"a transform with {sorted(more)}")


for _make, _names in (
    (_along_one, ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")),
    (_along_two, ("fft2", "ifft2", "rfft2", "irfft2")),
    (_along_all, ("fftn", "ifftn", "rfftn", "irfftn")),
):
    for _name in _names:
        register(f"numpy.fft.{_name} scipy.fft.{_name}", _make(getattr(torch.fft, _name)))

register("numpy.fft.fftshift scipy.fft.fftshift", moves(np.fft.fftshift))
register("numpy.fft.ifftshift scipy.fft.ifftshift", moves(np.fft.ifftshift))
