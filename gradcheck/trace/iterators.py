"""Classes and index tricks of NumPy that read arrays without asking any protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.trace.dispatch import constant, nodes_in
from gradcheck.trace.node import Node, values_of

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["ITERATORS"]


def _ndenumerate(trace: Trace, arr: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    array = trace.array(arr)
    if not isinstance(array, Node):
        array = np.asarray(array)
    for index in np.ndindex(*array.shape):
        yield index, array[index]


class _Iterator:
    """``np.nditer``: indices as NumPy counts them, entries as traced numbers where the position is known."""

    def __init__(self, trace: Trace, op: Any, flags: Any = (), *args: Any, **kwargs: Any) -> None:
        self._trace = trace
        self._single = isinstance(op, Node)
        self._operands = [op] if self._single else list(op) if isinstance(op, (list, tuple)) else [op]
        self._real = self._made(values_of(op), tuple(flags), values_of(args), values_of(kwargs))
        self._started = False

    def _made(self, op: Any, flags: tuple[Any, ...], args: Any, kwargs: Any) -> Any:
        if self._single:
            try:
                # The order stays as it is; the position of each entry becomes known.
                return np.nditer(op, (*flags, "multi_index"), *args, **kwargs)
            except ValueError:  # with external_loop or buffered there are no single entries
                pass
        return np.nditer(op, flags, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __enter__(self) -> _Iterator:
        self._real.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._real.__exit__(*error)

    def __iter__(self) -> _Iterator:
        return self

    def __next__(self) -> Any:
        if self._started:
            self._real.iternext()
        self._started = True
        if self._real.finished:
            raise StopIteration
        return self.value

    def _entry(self, number: int) -> Any:
        operand = self._operands[number]
        if not isinstance(operand, Node):
            return self._real[number]
        if self._real.has_multi_index and operand.value.shape == self._real.shape:
            # An array without axes over the entry itself, so that ``x[...] = v`` writes it.
            return operand[tuple(slice(i, i + 1) for i in self._real.multi_index)].reshape(())  # type: ignore[index]
        if operand._depends():
            self._trace.leak("np.nditer over several arrays gives plain numbers")
        return self._real[number]

    @property
    def value(self) -> Any:
        """The current entry, or the entries of several operands."""
        entries = tuple([self._entry(number) for number in range(len(self._operands))])
        return entries[0] if len(entries) == 1 else entries

    def __getitem__(self, number: int) -> Any:
        return self._entry(number)

    def __setitem__(self, number: int, new: Any) -> None:
        self._entry(number)[...] = new


class _Joiner:
    """``np.r_`` and ``np.c_``."""

    def __init__(self, trace: Trace, trick: Any, columns: bool) -> None:
        self._trace = trace
        self._trick = trick
        self._columns = columns

    def __len__(self) -> int:
        return 0

    def __getitem__(self, key: Any) -> Any:
        trace = self._trace
        parts = key if isinstance(key, tuple) else (key,)
        if next(nodes_in(list(parts)), None) is None:
            return constant(trace, self._trick[key])
        if any(isinstance(part, str) for part in parts):
            if any(node._depends() for node in nodes_in(list(parts))):
                trace.leak("np.r_ with a string has no PyTorch counterpart here")
            return constant(trace, self._trick[values_of(key)])
        pieces = [self._trick[part] if isinstance(part, slice) else trace.array(part) for part in parts]
        if not self._columns:
            return np.concatenate([np.atleast_1d(piece) for piece in pieces])
        columns = [np.reshape(piece, (-1, 1)) if np.ndim(values_of(piece)) < 2 else piece for piece in pieces]
        return np.concatenate(columns, axis=-1)


def _vectorize(trace: Trace, *args: Any, **kwargs: Any) -> Any:
    from gradcheck.trace.callbacks import Vectorized

    made = np.vectorize(*args, **kwargs)
    # As a decorator with arguments it waits for its function.
    return Vectorized(trace, made) if args else lambda function: Vectorized(trace, made(function))


ITERATORS: dict[Any, Callable[..., Any]] = {
    np.ndenumerate: _ndenumerate,
    np.nditer: _Iterator,
    np.broadcast: lambda _trace, *args: np.broadcast(*values_of(args)),
    np.vectorize: _vectorize,
    np.r_: lambda trace: _Joiner(trace, np.r_, columns=False),
    np.c_: lambda trace: _Joiner(trace, np.c_, columns=True),
}
"""A class is called with the trace and its arguments; an index trick is made for the trace."""
