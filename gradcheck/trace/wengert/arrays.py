"""Operations on small arrays: elementwise sums and products, and the numbers that they are summed up to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gradcheck.trace.node import Node
from gradcheck.trace.wengert.codes import Part, Wide
from gradcheck.trace.wengert.columns import PICK
from gradcheck.trace.wengert.kinds import CONSTANT, NUMBER, Kind, Operand, operand_of
from gradcheck.trace.wengert.numbers import CONSTANTS, code_of

if TYPE_CHECKING:
    from gradcheck.trace.wengert.entries import Entries

__all__ = ["combined", "dot", "extreme", "total"]

Array = npt.NDArray[Any]
Side = tuple[Operand, int, float, Any]

_NAMES: dict[Any, Any] = {np.add: "sum", np.subtract: "difference", np.multiply: "product"}


def _side(entries: Entries, x: Any, other: Any, is_factor: bool) -> Side | None:
    """An operand: how it is found again, its code, its value if it is a number, and else if it is kept."""
    none = len(entries.columns)  # a code that reads nothing
    if not isinstance(x, Node):
        if type(x) in CONSTANTS:
            return CONSTANT, none, float(x), None
        if type(x) is np.ndarray and x.dtype.kind in "fiub" and x.ndim:
            return Operand("constant", x.shape), none, 0.0, x.astype(np.float64) if is_factor else None
        return None
    value = x.value
    if type(value) is not np.ndarray:
        code = code_of(entries, x, other)
        if code is False:
            return None
        return (CONSTANT, none, float(value), None) if code is None else (NUMBER, code, float(value), None)
    if not x._depends():
        return _side(entries, value, other, is_factor)
    light = x._light
    if type(light) is Part:
        return operand_of(light, value.shape), light.code(), 0.0, None
    if type(light) is Wide:
        return operand_of(light, value.shape), light.number, 0.0, value.copy() if is_factor else None
    return None


def combined(entries: Entries, ufunc: np.ufunc, a: Any, b: Any, result: Array) -> Wide | None:
    """What carries ``ufunc(a, b)``; None where that is left to PyTorch."""
    name = _NAMES.get(ufunc)
    if name is None:
        return None
    left = _side(entries, a, b, name == "product" and _varies(b))
    if left is None:
        return None
    right = _side(entries, b, a, name == "product" and _varies(a))
    if right is None:
        return None
    kind = Kind(name, left[0], right[0], result.shape)
    number = entries.columns.add(entries.kinds.number(kind), left[1], right[1], left[2], right[2])
    if left[3] is not None or right[3] is not None:
        entries.kept[number] = left[3], right[3]
    entries.shapes[number] = result.shape
    return Wide(number)


def _varies(x: Any) -> bool:
    return isinstance(x, Node) and x._depends()


def total(entries: Entries, x: Node, factor: float, result: Any) -> int | None:
    """The code of the sum of all entries, times ``factor``."""
    if not math.isfinite(result):
        return None
    side = _side(entries, x, None, is_factor=False)
    if side is None:
        return None
    kind = Kind("total", side[0], CONSTANT, ())
    return entries.columns.add(entries.kinds.number(kind), side[1], len(entries.columns), factor, 0.0)


def dot(entries: Entries, a: Any, b: Any, result: Any) -> int | None:
    """The code of the sum of products of two arrays of one shape."""
    if not math.isfinite(result) or np.shape(_value(a)) != np.shape(_value(b)):
        return None
    left, right = _side(entries, a, b, _varies(b)), _side(entries, b, a, _varies(a))
    if left is None or right is None:
        return None
    number = entries.columns.add(
        entries.kinds.number(Kind("dot", left[0], right[0], ())), left[1], right[1], left[2], right[2]
    )
    if left[3] is not None or right[3] is not None:
        entries.kept[number] = left[3], right[3]
    return number


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Node) else x


def extreme(entries: Entries, x: Node, place: int, result: Any) -> int | None:
    """The code of the largest or smallest entry, the one at ``place``; None where several are as large."""
    if not math.isfinite(result) or np.count_nonzero(x.value == result) != 1:
        return None
    light = x._light
    if type(light) is Part:
        position = light.positions.reshape(-1)[place] if light.positions.flags.c_contiguous else None
        if position is None:
            position = light.positions[np.unravel_index(place, x.value.shape)]
        return entries.columns.single(~(light.source << 40 | int(position)), 1.0)
    if type(light) is Wide:
        return entries.columns.add(PICK, light.number, place, 1.0, 0.0)
    return None
