"""``np.float64(x)`` and ``float(x)`` as casts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.trace.casts import astype
from gradcheck.trace.dispatch import constant
from gradcheck.trace.node import Node
from gradcheck.trace.wengert.numbers import single

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["cast"]


def cast(trace: Trace, kind: Any, x: Any) -> Any:
    """``kind(x)``: a number for a number (or an array without axes), an array for an array."""
    x = trace.array(x)
    if not isinstance(x, Node):
        return constant(trace, kind(x))
    if x._is_array() and x.value.ndim and kind is not float:
        return astype(x, kind)
    value = kind(x.value)  # of an array with axes: NumPy's own TypeError or DeprecationWarning
    if not x._depends():
        return value
    code = single(trace.entries, x) if trace.enters and kind in (float, np.float64) else None
    if code is not None:
        return trace.carried(value, code)
    shadow = trace.accept(kind.__name__, (x._tensor(),), x._tensor().reshape(()), value)
    return value if shadow is None else trace.wrap(value, shadow)
