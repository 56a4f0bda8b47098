"""A batch with one sample fewer, where an axis of the inputs is seen to be the batch's."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.layers.problem import Variable
from gradcheck.witnesses.subject import Array, Values

__all__ = ["one_sample_fewer"]


def one_sample_fewer(
    variables: Sequence[Variable], values: Values, outputs: Sequence[Array], upstreams: Sequence[Array]
) -> tuple[dict[str, Array], list[Array]] | None:
    """``values`` (integer inputs with them) and ``upstreams`` without their last sample; None where no batch is seen.

    The batch axis is the first or the last one, of the first input and of every output alike (a scalar output has
    none); whatever other input has as many entries along it is cut as well.
    """
    first = next((v for v in variables if v.role == "input" and v.name in values), None)
    if first is None or first.array.ndim == 0:
        return None
    for axis in (0, -1):
        count = first.array.shape[axis]
        if count < 3 or any(o.ndim and o.shape[axis] != count for o in outputs):
            continue
        cut: dict[str, Array] = dict(values)
        for v in variables:
            array = values.get(v.name, v.array)
            if v.role == "input" and not v.slots and array.ndim and array.shape[axis] == count:
                cut[v.name] = _without_last(array, axis)
        return cut, [_without_last(u, axis) if u.ndim else u for u in upstreams]
    return None


def _without_last(array: Array, axis: int) -> Array:
    return (array[:-1] if axis == 0 else array[..., :-1]).copy()
