"""Convolutions and correlations of NumPy and of scipy.signal."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, operands
from gradcheck.trace.rules.positions import gathered, positions
from gradcheck.trace.rules.table import serves

_CONVOLUTIONS = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}


@serves("numpy.convolve")
def convolve(a: Operand, v: Operand, mode: str = "full") -> torch.Tensor:
    a, v = (x.reshape(-1) for x in operands(a, v))
    if len(v) > len(a):
        a, v = v, a
    return _part(full_overlaps(a, v), mode, (len(a),), (len(v),), ((len(v) - 1) // 2,))


@serves("numpy.polymul")
def polymul(a1: Operand, a2: Operand) -> torch.Tensor:
    return convolve(a1, a2)


@serves("numpy.correlate")
def correlate(a: Operand, v: Operand, mode: str = "valid") -> torch.Tensor:
    a, v = (x.reshape(-1) for x in operands(a, v))
    if len(v) > len(a):
        # NumPy swaps the two and turns the result around.
        return correlate(v, a, mode).conj().flip(0)
    return _part(full_overlaps(a, v.conj().flip(0)), mode, (len(a),), (len(v),), ((len(v) - 1) // 2,))


@serves("scipy.signal.convolve")
def signal_convolve(in1: Operand, in2: Operand, mode: str = "full", method: str = "auto") -> torch.Tensor:  # noqa: ARG001  # how it is computed changes no value
    a, b = operands(in1, in2)
    if a.ndim == 0:
        return a * b
    if mode == "valid" and any(n < k for n, k in zip(a.shape, b.shape, strict=True)):
        a, b = b, a
    return _part(full_overlaps(a, b), mode, a.shape, b.shape, [(k - 1) // 2 for k in b.shape])


@serves("scipy.signal.fftconvolve scipy.signal.oaconvolve")
def fftconvolve(in1: Operand, in2: Operand, mode: str = "full", axes: Any = None) -> torch.Tensor:
    if axes is not None:
        raise NotImplementedError("fftconvolve along some axes only")
    a, b = operands(in1, in2)
    larger = [n >= k for n, k in zip(a.shape, b.shape, strict=True) if n != k]
    if mode == "valid" and any(larger) and not all(larger):
        raise NotImplementedError("fftconvolve of arrays neither of which contains the other")
    return signal_convolve(a, b, mode)


@serves("scipy.signal.correlate")
def signal_correlate(in1: Operand, in2: Operand, mode: str = "full", method: str = "auto") -> torch.Tensor:  # noqa: ARG001  # how it is computed changes no value
    a, b = operands(in1, in2)
    if a.ndim == 0:
        return a * b.conj()
    every = tuple(range(a.ndim))
    if mode == "valid" and any(n < k for n, k in zip(a.shape, b.shape, strict=True)):
        return signal_correlate(b, a, mode).conj().flip(every)
    return _part(full_overlaps(a, b.conj().flip(every)), mode, a.shape, b.shape, [(k - 1) // 2 for k in b.shape])


@serves("scipy.signal.convolve2d")
def convolve2d(
    in1: Operand, in2: Operand, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> torch.Tensor:
    a, b = operands(in1, in2)
    if mode == "valid" and any(n < k for n, k in zip(a.shape, b.shape, strict=True)):
        a, b = b, a
    full = _full_bounded(a, b, boundary, fillvalue)
    return _part(full, mode, a.shape, b.shape, [(k - 1) // 2 for k in b.shape])


@serves("scipy.signal.correlate2d")
def correlate2d(
    in1: Operand, in2: Operand, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0
) -> torch.Tensor:
    a, b = operands(in1, in2)
    if mode == "valid" and any(n < k for n, k in zip(a.shape, b.shape, strict=True)):
        return correlate2d(b, a, mode, boundary, fillvalue).conj().flip(0, 1)
    full = _full_bounded(a, b.conj().flip(0, 1), boundary, fillvalue)
    return _part(full, mode, a.shape, b.shape, [k // 2 for k in b.shape])


def full_overlaps(a: torch.Tensor, b: torch.Tensor, padded: torch.Tensor | None = None) -> torch.Tensor:
    """All overlaps of ``a`` with the turned ``b``; ``padded`` is ``a`` with its surroundings, zeros when None."""
    ndim = a.ndim
    if ndim not in _CONVOLUTIONS:
        raise NotImplementedError(f"a convolution over {ndim} axes")
    if padded is None:
        padded = torch.nn.functional.pad(a, [n for k in reversed(b.shape) for n in (k - 1, k - 1)])
    kernel = b.flip(tuple(range(ndim)))
    return _CONVOLUTIONS[ndim](padded[None, None], kernel[None, None])[0, 0]


def _full_bounded(a: torch.Tensor, b: torch.Tensor, boundary: str, fillvalue: Any) -> torch.Tensor:
    widths = [(k - 1, k - 1) for k in b.shape]
    if boundary in ("fill", "pad"):
        inside = torch.nn.functional.pad(torch.ones_like(a), [n for pair in reversed(widths) for n in pair])
        spans = [n for pair in reversed(widths) for n in pair]
        return full_overlaps(a, b, torch.nn.functional.pad(a, spans) + (1 - inside) * as_tensor(fillvalue, a))
    mode = {"wrap": "wrap", "circular": "wrap", "symm": "symmetric", "symmetric": "symmetric"}[boundary]
    around = np.pad(positions(a.shape), widths, mode=mode)  # type: ignore[call-overload]  # a str for a Literal
    return full_overlaps(a, b, gathered(a, around))


def _part(full: torch.Tensor, mode: str, shape: Any, kernel: Any, middle: Any) -> torch.Tensor:
    """The part of the full result that ``mode`` asks for; "same" starts at ``middle``."""
    if mode == "full":
        return full
    if mode == "same":
        return full[tuple(slice(start, start + n) for start, n in zip(middle, shape, strict=True))]
    if mode == "valid":
        return full[tuple(slice(k - 1, n) for n, k in zip(shape, kernel, strict=True))]
    raise NotImplementedError(f"a convolution in mode {mode!r}")
