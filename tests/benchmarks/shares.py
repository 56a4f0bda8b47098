"""Where the time of a passing check goes: the layer's own code, autograd on the trace, and everything else."""

import functools
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np
from layers.catalogue import Layer
from planted import check
from planted_kinds import Arrays

from gradcheck.witnesses.numpy_subject import NumpySubject

# A share is taken over so many seconds of checks, at least two.
_LONG_ENOUGH = 0.1

# A queue, for whatever else the layer's code may write to is put back after each evaluation.
Spent = SimpleQueue[float]


def shares(layer: Layer, upstreams: Arrays) -> tuple[float, float]:
    """The share of the layer's own forwards and backwards in the time of a check, and that of the traced one."""
    own, trace = Spent(), Spent()
    timed = layer._replace(forward=_timed(layer.forward, own), backward=_timed(layer.backward, own))
    original = NumpySubject.autograd
    NumpySubject.autograd = _timed(original, trace)  # type: ignore[method-assign]  # put back below
    try:
        started, count = time.process_time(), 0
        while count < 2 or time.process_time() - started < _LONG_ENOUGH:
            check(timed, upstreams)
            count += 1
        total = time.process_time() - started
    finally:
        NumpySubject.autograd = original  # type: ignore[method-assign]  # as it was
    return _sum(own) / total, _sum(trace) / total


def _sum(spent: Spent) -> float:
    return sum(spent.get() for _ in range(spent.qsize()))


def _timed(function: Callable[..., Any], spent: Spent) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(a, np.ndarray) and type(a) is not np.ndarray for a in args):
            return function(*args, **kwargs)  # traced: part of what autograd costs
        started = time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent.put(time.process_time() - started)

    return call
