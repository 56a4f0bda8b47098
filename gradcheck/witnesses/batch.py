"""A batch with fewer samples, where an axis of the inputs is seen to be the batch's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gradcheck.layers.problem import Variable
from gradcheck.layers.spelling import looks_like_parameter
from gradcheck.witnesses.subject import Array, Values

__all__ = ["few_samples", "one_sample_fewer"]

_FEWEST = 5  # of fewer, a normalisation leaves little


def one_sample_fewer(
    variables: Sequence[Variable], values: Values, outputs: Sequence[Array], upstreams: Sequence[Array]
) -> Iterator[tuple[dict[str, Array], list[Array]]]:
    """``values`` (integer inputs with them) and ``upstreams`` without their last sample, for each possible batch axis.

    That is the first axis of an input, or the last one where every output has it too. Whatever other input and output
    has as many entries along it is cut as well; whether the forward accepts it shows when it is tried.
    """
    inputs = _inputs(variables, values)
    for axis, count in _batches(inputs, outputs):
        yield _cut(inputs, values, upstreams, axis, count, count - 1)


def few_samples(
    variables: Sequence[Variable], values: Values, upstreams: Sequence[Array], entries: int
) -> Iterator[tuple[dict[str, Array], list[Array]]]:
    """The same with so few samples that they have about ``entries`` numbers, if these are fewer than half of them.

    Where a batch has as many samples as a layer has units, what is called like a parameter is left whole first.
    """
    inputs = _inputs(variables, values)
    lengths = {n for a in (*(v.array for v in variables), *upstreams) for n in a.shape}
    for axis, count in _batches(inputs, upstreams):
        along = [(v, a) for v, a in inputs if a.shape[axis] == count]
        shapes = {a.shape for v, a in along if not looks_like_parameter(v.name)}
        samples = [(v, a) for v, a in along if a.shape in shapes]  # the k of an attention is like its q
        for chosen in (samples, along) if 0 < len(samples) < len(along) else (along,):
            cut = [*(a for _, a in chosen), *(u for u in upstreams if u.ndim and u.shape[axis] == count)]
            kept = max(_FEWEST, entries // max(sum(a.size // count for a in cut), 1))
            while kept in lengths:  # a number of samples is to be nothing else
                kept += 1
            if 2 * kept < count:
                yield _cut(chosen, values, upstreams, axis, count, kept)


def _inputs(variables: Sequence[Variable], values: Values) -> list[tuple[Variable, Array]]:
    return [(v, values.get(v.name, v.array)) for v in variables if v.role == "input" and not v.slots and v.array.ndim]


def _batches(inputs: Sequence[tuple[Variable, Array]], outputs: Sequence[Array]) -> Iterator[tuple[int, int]]:
    """The axes that may be the batch's, each with its length."""
    tried = set()
    for axis in (0, -1):
        for _, array in inputs:
            count = array.shape[axis]
            everywhere = all(o.ndim and o.shape[axis] == count for o in outputs)
            if count < 3 or (axis, count) in tried or (axis == -1 and not everywhere):
                continue
            tried.add((axis, count))
            yield axis, count


def _cut(
    inputs: Sequence[tuple[Variable, Array]],
    values: Values,
    upstreams: Sequence[Array],
    axis: int,
    count: int,
    kept: int,
) -> tuple[dict[str, Array], list[Array]]:
    cut = dict(values) | {v.name: _first(a, axis, kept) for v, a in inputs if a.shape[axis] == count}
    return cut, [_first(u, axis, kept) if u.ndim and u.shape[axis] == count else u for u in upstreams]


def _first(array: Array, axis: int, kept: int) -> Array:
    return (array[:kept] if axis == 0 else array[..., :kept]).copy()
