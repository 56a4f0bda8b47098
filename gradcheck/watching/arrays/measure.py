"""What is measured of an operation at once, before a later one may write over its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.watching.arrays.graph import Node
from gradcheck.watching.arrays.kinds import derivative_of, kind_of
from gradcheck.watching.arrays.operands import number
from gradcheck.watching.arrays.stats import stats_of

__all__ = ["Bounds", "Facts", "bounds_of", "measure"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A call that bounds values: how many entries of its result are at each bound, and which."""

    low: float | None
    high: float | None
    entries: int
    at_low: int
    at_high: int
    clipped: Array


@dataclass(frozen=True, slots=True)
class Facts:
    """Of an activation: entries where f' is below 1/100 of its maximum, Σ (f'/max)², where f' is not 0 at all.

    Of a softmax, ``probabilities`` are samples × classes.
    """

    entries: int
    flat: int = 0
    square: float = 0.0
    passes: Array | None = None
    bounds: Bounds | None = None
    probabilities: Array | None = None


def measure(node: Node) -> None:
    """Recognise an operation and note its statistics, where it is a layer's."""
    node.kind = kind_of(node)
    if not node.kind:
        return
    output = np.asarray(node.output)
    if output.dtype.kind != "f":
        node.kind = ""
        return
    node.measured = stats_of(output)
    if node.kind == "linear":
        return
    with np.errstate(all="ignore"):
        bounds = bounds_of(node, output)
        slope = _clip_slope(bounds) if node.kind == "clip" else derivative_of(node.kind, output)
        if slope is None:
            node.facts = Facts(output.size, bounds=bounds)
            return
        node.facts = Facts(
            entries=output.size,
            flat=int(np.count_nonzero(np.abs(slope) < 0.01)),
            square=float(np.sum(slope * slope)),
            passes=slope != 0,
            bounds=bounds,
            probabilities=_probabilities(output) if node.kind == "softmax" else None,
        )


def bounds_of(node: Node, output: Array) -> Bounds | None:
    """The bounds of ``np.clip``, ``x.clip``, ``np.minimum`` and ``np.maximum``; None where ReLU's 0 is the only one."""
    low, high = _limits(node)
    low = None if low is None or low == -np.inf or (low == 0 and node.kind == "relu") else low
    high = None if high is None or high == np.inf else high
    if low is None and high is None:
        return None
    kind = output.dtype.type
    at_low = output == kind(low) if low is not None else np.zeros(output.shape, bool)
    at_high = output == kind(high) if high is not None else np.zeros(output.shape, bool)
    return Bounds(low, high, output.size, int(at_low.sum()), int(at_high.sum()), at_low | at_high)


def _limits(node: Node) -> tuple[float | None, float | None]:
    if node.operation in ("maximum", "fmax", "minimum", "fmin"):
        bound = next((number(value) for value in node.inputs[:2] if number(value) is not None), None)
        return (bound, None) if "max" in node.operation else (None, bound)
    if node.operation != "clip":
        return None, None
    keywords = node.event.keywords
    given = [number(value) for value in node.inputs[1:3]] + [None, None]
    low = given[0] if given[0] is not None else number(keywords.get("a_min", keywords.get("min")))
    high = given[1] if given[1] is not None else number(keywords.get("a_max", keywords.get("max")))
    return low, high


def _clip_slope(bounds: Bounds | None) -> Array | None:
    return None if bounds is None else (~bounds.clipped) * 1.0


def _probabilities(output: Array) -> Array | None:
    """A copy, samples × classes: the classes lie along the axis whose sums are 1."""
    if output.ndim != 2:
        return None
    axis = next((axis for axis in (1, 0) if np.allclose(output.sum(axis=axis), 1, atol=1e-3)), None)
    return None if axis is None else np.array(output if axis == 1 else output.T)
