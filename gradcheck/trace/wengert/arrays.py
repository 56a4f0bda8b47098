"""Operations on small arrays: elementwise sums and products, and the numbers that they are summed up to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gradcheck.trace.node import Node
from gradcheck.trace.wengert.codes import Part, Wide, is_small
from gradcheck.trace.wengert.kinds import Name
from gradcheck.trace.wengert.numbers import CONSTANTS, code_of, is_worth_it, reader_of

if TYPE_CHECKING:
    from gradcheck.trace.wengert.entries import Entries

__all__ = ["combined", "dot", "extreme", "total"]

Array = npt.NDArray[Any]
# The number of the operand, its code if it has one, its value if it is a number, and else its value if that is kept.
Side = tuple[int, tuple[int, ...], tuple[float, ...], Any]

_NAMES: dict[Any, Name] = {np.add: "sum", np.subtract: "difference", np.multiply: "product"}


def _side(entries: Entries, x: Any, other: Any, is_factor: bool) -> Side | None:
    """An operand as an entry holds it; None where it cannot be held."""
    if isinstance(x, Node):
        value = x.value
        if type(value) is np.ndarray and x._depends():
            light = x._light
            if light is None:
                light = _imported(entries, x, other)
            if type(light) is Part:
                positions = light.positions
                return entries.kinds.operand("part", positions.shape, positions.strides), (light.code(),), (), None
            if type(light) is Wide:
                operand = entries.kinds.operand("wide", value.shape)
                return operand, (light.number,), (), value.copy() if is_factor else None
            return None
        if type(value) is np.ndarray:
            return _side(entries, value, other, is_factor)
        code = code_of(entries, x, other)
        if code is False:
            return None
        if code is not None:
            return entries.kinds.operand("number"), (code,), (float(value),), None
        x = value
    if type(x) in CONSTANTS:
        return entries.kinds.operand("constant"), (), (float(x),), None
    if type(x) is np.ndarray and x.dtype.kind in "fiub":
        if not x.shape:
            return entries.kinds.operand("constant"), (), (float(x),), None
        return entries.kinds.operand("constant", x.shape), (), (), x.astype(np.float64) if is_factor else None
    return None


def _imported(entries: Entries, x: Node, other: Any) -> Part | None:
    """A small array that PyTorch knows becomes a source, unless PyTorch's own operation costs less."""
    if not is_worth_it(x, other) or not is_small(x.value):
        return None
    reader = reader_of(x)
    if reader is None or not entries.source(x._trace, reader, x.value):
        return None
    return Part(reader.begin, reader.numbered)


def combined(entries: Entries, ufunc: np.ufunc, a: Any, b: Any, result: Array) -> Wide | None:
    """What carries ``ufunc(a, b)``; None where that is left to PyTorch."""
    name = _NAMES.get(ufunc)
    if name is None:
        return None
    number = _entry(entries, name, a, b, result.shape)
    return None if number is None else Wide(number)


def dot(entries: Entries, a: Any, b: Any, result: Any) -> int | None:
    """The code of the sum of products of two arrays of one shape."""
    if not math.isfinite(result) or np.shape(_value(a)) != np.shape(_value(b)):
        return None
    return _entry(entries, "dot", a, b, ())


def _entry(entries: Entries, name: Name, a: Any, b: Any, shape: tuple[int, ...]) -> int | None:
    multiplies = name in ("product", "dot")
    left = _side(entries, a, b, multiplies and _varies(b))
    right = None if left is None else _side(entries, b, a, multiplies and _varies(a))
    if left is None or right is None:
        return None
    number = entries.columns.wide(
        entries.kinds.kind(name, left[0], right[0], shape), left[1] + right[1], left[2] + right[2]
    )
    if left[3] is not None or right[3] is not None:
        entries.kept[number] = left[3], right[3]
    return number


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Node) else x


def _varies(x: Any) -> bool:
    return isinstance(x, Node) and x._depends()


def total(entries: Entries, x: Node, factor: float, result: Any) -> int | None:
    """The code of the sum of all entries, times ``factor``."""
    side = _side(entries, x, None, is_factor=False) if math.isfinite(result) else None
    if side is None:
        return None
    scale = entries.kinds.operand("nothing" if factor == 1.0 else "constant")
    kind = entries.kinds.kind("total", side[0], scale, ())
    return entries.columns.wide(kind, side[1], () if factor == 1.0 else (factor,))


def extreme(entries: Entries, x: Node, place: int, result: Any) -> int | None:
    """The code of the largest or smallest entry, the one at ``place``; None where several are as large."""
    if not math.isfinite(result) or np.count_nonzero(x.value == result) != 1:
        return None
    light = x._light
    if type(light) is Part:
        position = light.positions[np.unravel_index(place, light.positions.shape)]
        return entries.columns.single(~(light.begin + int(position)), 1.0)
    if type(light) is Wide:
        return entries.pick(light, place, x.value.shape)
    return None
