"""A batch with one sample fewer, where an axis of the inputs is seen to be the batch's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradcheck.layers.problem import Variable
from gradcheck.witnesses.subject import Array, Values

__all__ = ["one_sample_fewer"]


def one_sample_fewer(
    variables: Sequence[Variable], values: Values, outputs: Sequence[Array], upstreams: Sequence[Array]
) -> Iterator[tuple[dict[str, Array], list[Array]]]:
    """``values`` (integer inputs with them) and ``upstreams`` without their last sample, for each possible batch axis.

    That is the first axis of an input, or the last one where every output has it too. Whatever other input and output
    has as many entries along it is cut as well; whether the forward accepts it shows when it is tried.
    """
    inputs = [(v, values.get(v.name, v.array)) for v in variables if v.role == "input" and not v.slots and v.array.ndim]
    tried = set()
    for axis in (0, -1):
        for _, array in inputs:
            count = array.shape[axis]
            everywhere = all(o.ndim and o.shape[axis] == count for o in outputs)
            if count < 3 or (axis, count) in tried or (axis == -1 and not everywhere):
                continue
            tried.add((axis, count))
            cut = dict(values) | {v.name: _without_last(a, axis) for v, a in inputs if a.shape[axis] == count}
            yield cut, [_without_last(u, axis) if u.ndim and u.shape[axis] == count else u for u in upstreams]


def _without_last(array: Array, axis: int) -> Array:
    return (array[:-1] if axis == 0 else array[..., :-1]).copy()
