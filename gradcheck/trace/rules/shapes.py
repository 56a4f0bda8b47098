"""The same entries in another shape or order of axes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.axes import Axis, all_axes, one_axis
from gradcheck.trace.rules.convert import Operand, as_tensor, broadcast, numpy_value, refuse, widened
from gradcheck.trace.rules.positions import moves
from gradcheck.trace.rules.table import register, serves


@serves("numpy.reshape")
def reshape(
    a: Operand,
    /,
    shape: Any = None,
    order: str = "C",
    *,
    newshape: Any = None,
    copy: Any = None,  # noqa: ARG001  # tensors here are values: a copy and a view are alike
) -> torch.Tensor:
    a = as_tensor(a)
    shape = newshape if shape is None else shape
    sizes = [int(n) for n in shape] if np.iterable(shape) else [operator.index(shape)]
    if order == "C" or (a.ndim <= 1 and len(sizes) <= 1):
        return a.reshape(sizes)
    if order != "F":
        raise NotImplementedError(f"reshape with order={order!r} depends on the layout in memory")
    return _reversed(_reversed(a).reshape(sizes[::-1]))


@serves("numpy.ravel")
def ravel(a: Operand, order: str = "C") -> torch.Tensor:
    return reshape(a, -1, order)


@serves("numpy.transpose numpy.permute_dims")
def transpose(a: Operand, axes: Any = None) -> torch.Tensor:
    a = as_tensor(a)
    return _reversed(a) if axes is None else a.permute([one_axis(axis, a.ndim) for axis in axes])


@serves("numpy.matrix_transpose numpy.linalg.matrix_transpose")
def matrix_transpose(x: Operand, /) -> torch.Tensor:
    return as_tensor(x).transpose(-1, -2)


@serves("numpy.swapaxes")
def swapaxes(a: Operand, axis1: int, axis2: int) -> torch.Tensor:
    return as_tensor(a).transpose(axis1, axis2)


@serves("numpy.moveaxis")
def moveaxis(a: Operand, source: Any, destination: Any) -> torch.Tensor:
    source, destination = (tuple(x) if np.iterable(x) else x for x in (source, destination))
    return torch.movedim(as_tensor(a), source, destination)


register("numpy.rollaxis", moves(np.rollaxis))


@serves("numpy.squeeze")
def squeeze(a: Operand, axis: Axis = None) -> torch.Tensor:
    a = as_tensor(a)
    axes = [i for i, n in enumerate(a.shape) if n == 1] if axis is None else all_axes(axis, a.ndim)
    return a.reshape([n for i, n in enumerate(a.shape) if i not in axes])


@serves("numpy.expand_dims")
def expand_dims(a: Operand, axis: Any) -> torch.Tensor:
    a = as_tensor(a)
    axes = tuple(axis) if np.iterable(axis) else (axis,)
    for each in sorted(one_axis(place, a.ndim + len(axes)) for place in axes):
        a = a.unsqueeze(each)
    return a


@serves("numpy.broadcast_to")
def broadcast_to(array: Operand, shape: Any, subok: bool = False) -> torch.Tensor:  # noqa: ARG001  # NumPy's signature
    return torch.broadcast_to(as_tensor(array), tuple(shape) if np.iterable(shape) else (operator.index(shape),))


@serves("numpy.broadcast_arrays")
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[torch.Tensor, ...]:  # noqa: ARG001  # NumPy's signature
    return tuple(broadcast(*(as_tensor(each) for each in args)))


@serves("numpy.atleast_1d")
def atleast_1d(*args: Any) -> Any:
    found = tuple(x.reshape(1) if x.ndim == 0 else x for x in map(as_tensor, args))
    return found[0] if len(found) == 1 else found


@serves("numpy.atleast_2d")
def atleast_2d(*args: Any) -> Any:
    found = tuple(x.reshape(1, -1) if x.ndim < 2 else x for x in map(as_tensor, args))
    return found[0] if len(found) == 1 else found


@serves("numpy.atleast_3d")
def atleast_3d(*args: Any) -> Any:
    # A vector lies along the middle axis, a matrix in the first two.
    found = tuple(
        x.reshape(1, -1, 1) if x.ndim < 2 else x.unsqueeze(-1) if x.ndim == 2 else x for x in map(as_tensor, args)
    )
    return found[0] if len(found) == 1 else found


@serves("numpy.flip")
def flip(m: Operand, axis: Axis = None) -> torch.Tensor:
    m = as_tensor(m)
    return torch.flip(m, all_axes(axis, m.ndim))


@serves("numpy.flipud")
def flipud(m: Operand) -> torch.Tensor:
    return torch.flip(as_tensor(m), (0,))


@serves("numpy.fliplr")
def fliplr(m: Operand) -> torch.Tensor:
    return torch.flip(as_tensor(m), (1,))


@serves("numpy.roll")
def roll(a: Operand, shift: Any, axis: Axis = None) -> torch.Tensor:
    a = as_tensor(a)
    shift = np.asarray(numpy_value(shift))
    if axis is None:
        return torch.roll(a.reshape(-1), int(shift.sum())).reshape(a.shape)
    shifts, axes = np.broadcast_arrays(shift.reshape(-1), np.asarray(axis).reshape(-1))
    return torch.roll(a, [int(n) for n in shifts], [one_axis(n, a.ndim) for n in axes])


register("numpy.rot90", moves(np.rot90))
register("numpy.resize", moves(np.resize))


@serves("numpy.tile")
def tile(a: Operand, reps: Any) -> torch.Tensor:
    return torch.tile(as_tensor(a), [int(n) for n in np.atleast_1d(numpy_value(reps))])


@serves("numpy.repeat")
def repeat(a: Operand, repeats: Any, axis: Any = None) -> torch.Tensor:
    a = as_tensor(a)
    if axis is None:
        a, axis = a.reshape(-1), 0
    times = np.asarray(numpy_value(repeats))
    if times.size == 1:
        return torch.repeat_interleave(a, int(times.reshape(())), axis)
    return torch.repeat_interleave(a, torch.from_numpy(times.astype(np.int64)), axis)


@serves("numpy.copy numpy.array numpy.asarray numpy.asanyarray numpy.asarray_chkfinite")
@serves("numpy.ascontiguousarray numpy.asfortranarray")
def array(a: Operand, dtype: Any = None, *, ndmin: int = 0, like: Any = None, **layout: Any) -> torch.Tensor:
    refuse(like=like)
    unknown = layout.keys() - {"copy", "order", "subok", "device"}
    if unknown:
        raise NotImplementedError(f"no rule with {sorted(unknown)}")
    # np.copy's second positional argument is the order, which no value depends on.
    a = as_tensor(a)
    a = a if dtype is None or (isinstance(dtype, str) and dtype in "CFAK") else widened(a, dtype)
    return a.reshape((1,) * (ndmin - a.ndim) + tuple(a.shape)) if a.ndim < ndmin else a


@serves("numpy.astype")
def astype(x: Operand, dtype: Any, /, *, copy: bool = True, device: Any = None) -> torch.Tensor:  # noqa: ARG001  # NumPy's signature
    return widened(as_tensor(x), dtype)


def _reversed(a: torch.Tensor) -> torch.Tensor:
    return a.permute(tuple(range(a.ndim - 1, -1, -1)))
