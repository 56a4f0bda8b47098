"""Operations whose operands and result are single numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gradcheck.trace.node import Node
from gradcheck.trace.reads import Reader
from gradcheck.trace.wengert.codes import Part, Wide
from gradcheck.trace.wengert.partial import One, Two, product

if TYPE_CHECKING:
    from gradcheck.trace.wengert.entries import Entries

__all__ = ["CONSTANTS", "code_of", "is_worth_it", "one", "reader_of", "single", "two"]

# Constants whose value is exactly what a Python float can be made of.
CONSTANTS = frozenset({float, int, bool, np.float64, np.float32, np.int64, np.int32, np.bool_})

_FLOAT64 = torch.float64


def one(entries: Entries, rule: One, x: Any, result: Any) -> int | None:
    """The code of ``result``, a function of one number; None where that is left to PyTorch."""
    if not isinstance(x, Node) or type(x._light) is not int or not math.isfinite(result):
        return None
    factor = rule(float(x.value), float(result))
    if factor is None or not math.isfinite(factor):
        return None
    return entries.columns.single(x._light, factor)


def two(entries: Entries, rule: Two, a: Any, b: Any, result: Any) -> int | None:
    """The code of ``result``, a function of two numbers; None where that is left to PyTorch."""
    if not math.isfinite(result):
        return None
    left, right = code_of(entries, a, b), code_of(entries, b, a)
    if left is False or right is False:
        return None
    if rule is product and left is not None and right is not None and left < 0 and right < 0:
        return entries.columns.product(left, right)
    x = float(a.value) if isinstance(a, Node) else float(a)
    y = float(b.value) if isinstance(b, Node) else float(b)
    factors = rule(x, y, float(result))
    if factors is None:
        return None
    by_left, by_right = factors
    if left is None:
        return None if right is None else _scaled(entries, right, by_right)
    if right is None:
        return _scaled(entries, left, by_left)
    if not (math.isfinite(by_left) and math.isfinite(by_right)):
        return None
    return entries.columns.linear(left, by_left, right, by_right)


def _scaled(entries: Entries, code: int, factor: float) -> int | None:
    if factor == 1.0 and code >= 0:
        return code  # only of a source is the value, too, found by the code
    return entries.columns.single(code, factor) if math.isfinite(factor) else None


def code_of(entries: Entries, x: Any, other: Any) -> Any:
    """The code of an operand: None for a constant, False where it can have none beside ``other``."""
    if not isinstance(x, Node):
        return None if type(x) in CONSTANTS else False
    light = x._light
    if type(light) is int:
        return light
    kind = type(x.value)
    if kind is not np.float64 and kind is not float:
        return False
    if not x._depends():
        return None
    return _imported(entries, x, other) if light is None else False


def single(entries: Entries, x: Node) -> int | None:
    """The code of the one number in ``x``; None where it has none."""
    light = x._light
    if type(light) is int:
        return light
    if type(x.value) is not np.ndarray or x.value.size != 1 or not x._depends():
        return None
    light = x._light
    if type(light) is Part:
        return light.code()
    if type(light) is Wide:
        return entries.pick(light, 0, x.value.shape)
    reader = reader_of(x) if entries.pays and x.value.dtype == np.float64 else None
    return ~reader.begin if reader is not None and entries.source(x._trace, reader, x.value) else None


def _imported(entries: Entries, x: Node, other: Any) -> Any:
    """A number that PyTorch computed becomes a source, unless PyTorch's own operation costs less."""
    reader = reader_of(x) if is_worth_it(x, other) else None
    if reader is None or reader.flat.shape[0] != 1 or not entries.source(x._trace, reader, x.value):
        return False
    return ~reader.begin


def is_worth_it(x: Node, other: Any) -> bool:
    """Whether ``x``, which PyTorch knows, is to be a source beside ``other``: an entry, or not for the first time."""
    if x._met:
        return True
    x._met = True
    light = other._light if isinstance(other, Node) else None
    return type(light) is Wide or (type(light) is int and light >= 0)


def reader_of(x: Node) -> Reader | None:
    """What reads the tensor of ``x``; None where that is not in float64."""
    reader = x._reader
    if reader is None:
        tensor = x._tensor()
        if tensor.dtype is not _FLOAT64:
            return None
        reader = x._reader = Reader(tensor.reshape(-1), tensor)
    return reader
