"""Filters of scipy.signal and scipy.ndimage."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.axes import all_axes, one_axis
from gradcheck.trace.rules.convert import Operand, as_tensor, common, numpy_value, operands, refuse
from gradcheck.trace.rules.convolution import full_overlaps
from gradcheck.trace.rules.padding import pad
from gradcheck.trace.rules.table import serves

# SciPy's names for what lies beyond the border, and NumPy's.
_BORDERS = {
    "reflect": "symmetric",
    "grid-mirror": "symmetric",
    "mirror": "reflect",
    "nearest": "edge",
    "wrap": "wrap",
    "grid-wrap": "wrap",
    "constant": "constant",
    "grid-constant": "constant",
}


@serves("scipy.signal.lfilter")
def lfilter(b: Operand, a: Operand, x: Operand, axis: int = -1, zi: Any = None) -> Any:
    """The transposed direct form, step by step along the axis."""
    b, a, x, *rest = common(b, a, x, *([] if zi is None else [zi]))
    b, a = b.reshape(-1) / a.reshape(-1)[0], a.reshape(-1) / a.reshape(-1)[0]
    order = max(len(a), len(b))
    b = torch.cat([b, b.new_zeros(order - len(b))])
    a = torch.cat([a, a.new_zeros(order - len(a))])
    steps = x.movedim(axis, -1)
    state = rest[0].movedim(axis, -1) if rest else x.new_zeros((*steps.shape[:-1], order - 1))
    state = state.expand((*steps.shape[:-1], order - 1))
    found = []
    for each in steps.unbind(-1):
        y = b[0] * each + state[..., 0] if order > 1 else b[0] * each
        shifted = torch.cat([state[..., 1:], torch.zeros_like(state[..., :1])], -1)
        state = shifted + b[1:] * each.unsqueeze(-1) - a[1:] * y.unsqueeze(-1)
        found.append(y)
    result = torch.stack(found, -1).movedim(-1, axis) if found else x
    return result if zi is None else (result, state.movedim(-1, axis))


@serves("scipy.ndimage.correlate")
def correlate(
    input: Operand,
    weights: Operand,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    **more: Any,
) -> torch.Tensor:
    refuse(output=output, **more)
    x, kernel = operands(input, weights)
    starts = [n // 2 + int(o) for n, o in zip(kernel.shape, np.broadcast_to(origin, kernel.ndim), strict=True)]
    return _slid(x, kernel, starts, mode, cval)


@serves("scipy.ndimage.convolve")
def convolve(
    input: Operand,
    weights: Operand,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    **more: Any,
) -> torch.Tensor:
    refuse(output=output, **more)
    x, kernel = operands(input, weights)
    # The turned kernel's middle moves by one where its length is even.
    starts = [(n - 1) // 2 - int(o) for n, o in zip(kernel.shape, np.broadcast_to(origin, kernel.ndim), strict=True)]
    return _slid(x, kernel.flip(tuple(range(kernel.ndim))), starts, mode, cval)


@serves("scipy.ndimage.correlate1d")
def correlate1d(
    input: Operand,
    weights: Operand,
    axis: int = -1,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> torch.Tensor:
    x, kernel = operands(input, weights)
    return correlate(x, _lying(kernel, axis, x.ndim), output, mode, cval, _at(origin, axis, x.ndim))


@serves("scipy.ndimage.convolve1d")
def convolve1d(
    input: Operand,
    weights: Operand,
    axis: int = -1,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> torch.Tensor:
    x, kernel = operands(input, weights)
    return convolve(x, _lying(kernel, axis, x.ndim), output, mode, cval, _at(origin, axis, x.ndim))


@serves("scipy.ndimage.gaussian_filter1d")
def gaussian_filter1d(
    input: Operand,
    sigma: Any,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
) -> torch.Tensor:
    if order != 0:
        raise NotImplementedError("derivatives of a Gaussian")
    sigma = float(numpy_value(sigma))
    reach = int(truncate * sigma + 0.5) if radius is None else int(radius)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return correlate1d(input, as_tensor(kernel / kernel.sum()), axis, output, mode, cval)


@serves("scipy.ndimage.gaussian_filter")
def gaussian_filter(
    input: Operand,
    sigma: Any,
    order: int = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> torch.Tensor:
    x = as_tensor(input)
    places = all_axes(axes, x.ndim)
    for axis, width in zip(places, np.broadcast_to(numpy_value(sigma), len(places)), strict=True):
        if width > 1e-15:  # SciPy leaves the axis alone below that
            x = gaussian_filter1d(x, width, axis, order, output, mode, cval, truncate, radius=radius)
    return x


@serves("scipy.ndimage.uniform_filter1d")
def uniform_filter1d(
    input: Operand,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> torch.Tensor:
    return correlate1d(input, as_tensor(np.full(size, 1 / size)), axis, output, mode, cval, origin)


@serves("scipy.ndimage.uniform_filter")
def uniform_filter(
    input: Operand,
    size: Any = 3,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> torch.Tensor:
    x = as_tensor(input)
    places = all_axes(axes, x.ndim)
    sizes, origins = np.broadcast_to(size, len(places)), np.broadcast_to(origin, len(places))
    for axis, n, start in zip(places, sizes, origins, strict=True):
        x = uniform_filter1d(x, int(n), axis, output, mode, cval, int(start)) if n > 1 else x
    return x


def _slid(x: torch.Tensor, kernel: torch.Tensor, starts: list[int], mode: Any, cval: Any) -> torch.Tensor:
    """Each entry of the result: the kernel laid over ``x`` with its entry ``starts`` on that place."""
    if mode not in _BORDERS:
        raise NotImplementedError(f"a filter with mode={mode!r}")
    widths = [(start, n - 1 - start) for start, n in zip(starts, kernel.shape, strict=True)]
    if any(start < 0 or start >= n for start, n in zip(starts, kernel.shape, strict=True)):
        raise NotImplementedError("a kernel whose origin lies outside of it")
    options = {"constant_values": cval} if _BORDERS[mode] == "constant" else {}
    padded = pad(x, widths, _BORDERS[mode], **options)
    return full_overlaps(x, kernel.flip(tuple(range(kernel.ndim))), padded)


def _lying(kernel: torch.Tensor, axis: int, ndim: int) -> torch.Tensor:
    return kernel.reshape([-1 if each == one_axis(axis, ndim) else 1 for each in range(ndim)])


def _at(origin: int, axis: int, ndim: int) -> list[int]:
    return [origin if each == one_axis(axis, ndim) else 0 for each in range(ndim)]
