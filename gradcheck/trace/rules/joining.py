"""Arrays put together."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, common, numpy_value, refuse, widened
from gradcheck.trace.rules.positions import gathered, positions_of_all
from gradcheck.trace.rules.shapes import atleast_1d, atleast_2d, atleast_3d
from gradcheck.trace.rules.table import serves


@serves("numpy.concatenate numpy.concat")
def concatenate(
    arrays: Any,
    /,
    axis: int | None = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",  # noqa: ARG001  # NumPy's signature
) -> torch.Tensor:
    refuse(out=out)
    tensors = common(*arrays)
    if axis is None:
        return widened(torch.cat([tensor.reshape(-1) for tensor in tensors]), dtype)
    return widened(torch.cat(tensors, axis), dtype)


@serves("numpy.stack")
def stack(
    arrays: Any,
    axis: int = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",  # noqa: ARG001  # NumPy's signature
) -> torch.Tensor:
    refuse(out=out)
    return widened(torch.stack(common(*arrays), axis), dtype)


@serves("numpy.vstack numpy.row_stack")
def vstack(tup: Any, **options: Any) -> torch.Tensor:
    return concatenate([atleast_2d(each) for each in tup], 0, **options)


@serves("numpy.hstack")
def hstack(tup: Any, **options: Any) -> torch.Tensor:
    tensors = [atleast_1d(each) for each in tup]
    return concatenate(tensors, 0 if tensors[0].ndim == 1 else 1, **options)


@serves("numpy.dstack")
def dstack(tup: Any) -> torch.Tensor:
    return concatenate([atleast_3d(each) for each in tup], 2)


@serves("numpy.column_stack")
def column_stack(tup: Any) -> torch.Tensor:
    tensors = [as_tensor(each) for each in tup]
    return concatenate([x.reshape(-1, 1) if x.ndim < 2 else x for x in tensors], 1)


@serves("numpy.append")
def append(arr: Operand, values: Operand, axis: int | None = None) -> torch.Tensor:
    return concatenate(common(arr, values), axis)


@serves("numpy.block")
def block(arrays: Any) -> torch.Tensor:
    leaves: list[Any] = []

    def collect(nested: Any) -> None:
        if isinstance(nested, list):
            for each in nested:
                collect(each)
        else:
            leaves.append(nested)

    collect(arrays)
    flat, places = positions_of_all(leaves)
    remaining = iter(places)

    def rebuilt(nested: Any) -> Any:
        return [rebuilt(each) for each in nested] if isinstance(nested, list) else next(remaining)

    return gathered(flat, np.block(rebuilt(arrays)))


@serves("numpy.insert")
def insert(arr: Operand, obj: Any, values: Operand, axis: int | None = None) -> torch.Tensor:
    flat, (places, inserted) = positions_of_all([arr, values])
    return gathered(flat, np.insert(places, numpy_value(obj), inserted, axis))
