"""From what a NumPy function accepts to tensors: numbers, arrays, nested lists with tensors among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import torch

__all__ = [
    "Operand",
    "as_indices",
    "as_mask",
    "as_tensor",
    "broadcast",
    "common",
    "floating",
    "given",
    "numpy_value",
    "operands",
    "refuse",
    "torch_dtype",
    "widened",
]

Operand: TypeAlias = torch.Tensor | np.ndarray[Any, np.dtype[Any]] | complex | Sequence[Any]
"""What NumPy takes for an array, with tensors for traced arrays."""

_TORCH_DTYPES = {
    np.dtype(np.float16): torch.float16,
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float64): torch.float64,
    np.dtype(np.longdouble): torch.float64,
    np.dtype(np.complex64): torch.complex64,
    np.dtype(np.complex128): torch.complex128,
    np.dtype(np.clongdouble): torch.complex128,
}
_NUMPY_DTYPES = {
    torch.float16: np.float16,
    torch.float32: np.float32,
    torch.float64: np.float64,
    torch.complex64: np.complex64,
    torch.complex128: np.complex128,
    torch.bool: np.bool_,
    torch.uint8: np.uint8,
    torch.int8: np.int8,
    torch.int16: np.int16,
    torch.int32: np.int32,
    torch.int64: np.int64,
}


def as_tensor(x: Any, like: torch.Tensor | None = None) -> torch.Tensor:
    """``x`` as a real or complex floating-point tensor of the dtype NumPy would give it beside ``like``.

    Python numbers take the dtype of ``like`` (float64 without one). Arrays are copied: the caller may write into
    his array before the backward pass needs the values. Raises NotImplementedError for objects and ragged lists.
    """
    if isinstance(x, torch.Tensor):
        return x if x.is_floating_point() or x.is_complex() else x.to(_beside(x.dtype, like))
    if isinstance(x, (list, tuple)):
        inner = next(_tensors(x), None)
        if inner is not None:
            return _stacked(x, inner if like is None else like)
        x = np.asarray(x)
    if isinstance(x, (bool, int, float)) and not isinstance(x, np.generic):
        return torch.full((), x, dtype=torch.float64 if like is None else like.dtype)
    array = np.asarray(x)
    if isinstance(x, complex) and not isinstance(x, np.generic):
        array = array.astype(np.complex64 if like is not None and like.dtype == torch.float32 else np.complex128)
    if array.dtype.kind not in "biufc":
        raise NotImplementedError(f"no tensor for an array of dtype {array.dtype}")
    dtype = _TORCH_DTYPES.get(array.dtype.newbyteorder("="))
    if dtype is None:
        dtype = _beside(_of_kind(array.dtype), like)
    return torch.from_numpy(np.array(array, dtype=_NUMPY_DTYPES[dtype], order="C", copy=True))


def operands(a: Any, b: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Both operands as tensors of the one dtype NumPy computes in."""
    if isinstance(a, torch.Tensor):
        if isinstance(b, torch.Tensor):
            if a.dtype is b.dtype and a.is_floating_point():
                return a, b
        else:
            b = as_tensor(b, a)
    a = as_tensor(a, b if isinstance(b, torch.Tensor) else None)
    b = as_tensor(b, a)
    if a.dtype is b.dtype:
        return a, b
    dtype = torch.promote_types(a.dtype, b.dtype)
    return a.to(dtype), b.to(dtype)


def common(*xs: Any) -> list[torch.Tensor]:
    """Any number of operands as tensors of one dtype."""
    like = next(_tensors(xs), None)
    tensors = [as_tensor(x, like) for x in xs]
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return [tensor.to(dtype) for tensor in tensors]


def broadcast(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The tensors expanded to their common shape."""
    expanded: tuple[torch.Tensor, ...] = torch.broadcast_tensors(*tensors)  # type: ignore[no-untyped-call]  # untyped in torch
    return expanded


def numpy_value(x: Any) -> Any:
    """``x`` without derivative: tensors as arrays, also inside lists and tuples."""
    if isinstance(x, torch.Tensor):
        return x.detach().resolve_conj().resolve_neg().numpy()
    if isinstance(x, (list, tuple)):
        return [numpy_value(item) for item in x]
    return x


def as_mask(x: Any) -> torch.Tensor:
    """A condition (bool array, or anything with a truth value per entry) as a bool tensor."""
    if isinstance(x, torch.Tensor):
        return x != 0
    return torch.from_numpy(np.array(np.asarray(numpy_value(x)), dtype=np.bool_, order="C", copy=True))


def as_indices(x: Any) -> torch.Tensor:
    """Integer indices as an int64 tensor."""
    array = np.asarray(numpy_value(x))
    if array.size and array.dtype.kind not in "iub":
        raise NotImplementedError(f"indices of dtype {array.dtype}")
    return torch.from_numpy(np.array(array, dtype=np.int64, order="C", copy=True))


def torch_dtype(dtype: Any) -> torch.dtype:
    """The tensor dtype for a floating NumPy dtype; NotImplementedError for integers and the rest."""
    found = _TORCH_DTYPES.get(np.dtype(dtype))
    if found is None:
        raise NotImplementedError(f"a derivative does not pass through dtype {np.dtype(dtype)}")
    return found


def widened(x: torch.Tensor, dtype: Any) -> torch.Tensor:
    """``x`` in ``dtype`` where that is wider; never narrower, for a float64 shadow of float32 values stays float64."""
    if dtype is None or dtype is np._NoValue:
        return x
    return x.to(torch.promote_types(x.dtype, torch_dtype(dtype)))


def floating(x: torch.Tensor) -> torch.dtype:
    """The real dtype that belongs to the (possibly complex) tensor ``x``."""
    return x.dtype if x.is_floating_point() else x.abs().dtype


def given(x: Any, default: Any) -> Any:
    """``x``, or ``default`` where NumPy's marker for "not given" stands in its place."""
    return default if x is np._NoValue else x


def refuse(**arguments: object) -> None:
    """Raise NotImplementedError when one of these arguments is given after all."""
    for name, value in arguments.items():
        if given(value, None) is not None:
            raise NotImplementedError(f"no rule with {name}=")


def _tensors(x: Any) -> Iterator[torch.Tensor]:
    if isinstance(x, torch.Tensor):
        yield x
    elif isinstance(x, (list, tuple)):
        for item in x:
            yield from _tensors(item)


def _stacked(items: Any, like: torch.Tensor) -> torch.Tensor:
    tensors = [_stacked(item, like) if isinstance(item, (list, tuple)) else as_tensor(item, like) for item in items]
    if not tensors:
        return torch.empty(0, dtype=like.dtype)
    if any(tensor.shape != tensors[0].shape for tensor in tensors):
        raise NotImplementedError("a ragged nested list")
    return torch.stack(common(*tensors))


@lru_cache
def _beside_dtype(dtype: torch.dtype, like: torch.dtype) -> torch.dtype:
    return _TORCH_DTYPES[np.result_type(_NUMPY_DTYPES[dtype], _NUMPY_DTYPES[like])]


def _beside(dtype: torch.dtype, like: torch.Tensor | None) -> torch.dtype:
    """The dtype in which NumPy combines a bool or integer array with ``like``: int64 with float32 is float64."""
    return torch.float64 if like is None else _beside_dtype(dtype, like.dtype)


def _of_kind(dtype: np.dtype[Any]) -> torch.dtype:
    if dtype.kind == "b":
        return torch.bool
    return {1: torch.int8, 2: torch.int16}.get(dtype.itemsize, torch.int64)
