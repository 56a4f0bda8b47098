"""Runs a forward in the trace by hand, and holds its gradients against central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.trace import Trace


def names_in(code: Any) -> set[str]:
    inner = [names_in(each) for each in code.co_consts if hasattr(each, "co_names")]
    return set(code.co_names).union(*inner)


def call_traced(trace: Trace, forward: Callable[..., Any], *arguments: Any) -> Any:
    """``forward(*arguments)`` with its globals and closure seen through ``trace.leaf``."""
    namespace = forward.__globals__
    names = [name for name in names_in(forward.__code__) if name in namespace]
    before = {name: namespace[name] for name in names}
    try:
        for name in names:
            if not name.startswith("__"):
                namespace[name] = trace.leaf(namespace[name])
        return forward(*arguments)
    finally:
        namespace.update(before)


def differences(forward: Callable[..., Any], arrays: list[np.ndarray], upstream: np.ndarray) -> list[np.ndarray]:
    """The gradient of Σ forward · upstream by five-point differences."""
    step = 1e-3
    found = []
    for array in arrays:
        gradient = np.zeros(array.shape)
        for index in np.ndindex(*array.shape):
            kept = array[index]
            total = 0.0
            for offset, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12)):
                copies = [each.copy() if each is not array else array.copy() for each in arrays]
                moved = next(c for c, each in zip(copies, arrays, strict=True) if each is array)
                moved[index] = kept + offset * step
                total += weight * float(np.sum(np.asarray(forward(*copies), float) * upstream))
            gradient[index] = total / step
        found.append(gradient)
    return found


def gradients_of(
    forward: Callable[..., Any], *arrays: np.ndarray, trace: Trace | None = None, leaks: bool = False
) -> list[np.ndarray]:
    """Gradients by the trace of Σ forward · upstream with a fixed Gaussian upstream; no leak may occur."""
    trace = trace or Trace(verify=True)
    mine = [array.copy() for array in arrays]
    variables = {str(i): trace.variable(array, str(i)) for i, array in enumerate(mine)}
    output = call_traced(trace, forward, *variables.values())
    if not leaks:
        assert trace.leaks == []
    upstream = upstream_for(trace.value(output))
    found = trace.gradients([output], [upstream], variables)
    assert not trace.mismatch
    return list(found.values())


def upstream_for(value: Any) -> np.ndarray:
    return np.asarray(np.random.default_rng(5).normal(size=np.shape(value)))


def check(forward: Callable[..., Any], *arrays: np.ndarray, limit: float = 1e-8) -> None:
    """The traced value is NumPy's own, and the traced gradients are those of differences."""
    plain = forward(*[array.copy() for array in arrays])
    trace = Trace(verify=True)
    traced = trace.value(call_traced(trace, forward, *[trace.variable(array.copy(), "") for array in arrays]))
    np.testing.assert_array_equal(traced, plain)
    assert getattr(traced, "dtype", float) == getattr(plain, "dtype", float)
    upstream = upstream_for(plain)
    found = gradients_of(forward, *arrays)
    for ours, theirs in zip(found, differences(forward, list(arrays), upstream), strict=True):
        scale = max(float(np.abs(theirs).max(initial=0.0)), 1e-3)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=limit * scale)
    entered = gradients_of(forward, *arrays, trace=Trace(once=True))
    for ours, theirs in zip(entered, found, strict=True):
        scale = max(float(np.abs(theirs).max(initial=0.0)), 1e-3)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * scale)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).normal(size=shape))
