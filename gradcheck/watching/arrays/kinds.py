"""Which layer an operation of a NumPy network is: recognised by what was computed, not by what it is called."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.watching.arrays.composed import composed
from gradcheck.watching.arrays.graph import Node
from gradcheck.watching.arrays.operands import made_by, number, operand, shares

__all__ = ["COMPARISONS", "CONTRACTIONS", "derivative_of", "kind_of"]

Array = np.ndarray[Any, Any]

CONTRACTIONS = frozenset(
    (
        *("matmul", "dot", "einsum", "tensordot", "inner", "vecdot", "matvec", "vecmat", "vdot", "multi_dot", "outer"),
        *("convolve", "correlate", "convolve2d", "correlate2d", "fftconvolve", "oaconvolve"),
    )
)
COMPARISONS = ("greater", "greater_equal", "less", "less_equal")
_COMPOSING = ("divide", "true_divide", "reciprocal", "power", "float_power", "add", "subtract")
_FLOOR = 0.1  # np.maximum(0.001, x) is still meant as a ReLU; np.maximum(1, x) is a bound


def kind_of(node: Node) -> str:
    """ "linear", "relu", "logistic", "tanh", "softmax", "clip", "pool", "activation", or "" for none of these."""
    operation = node.operation
    if operation in CONTRACTIONS:
        return "linear"
    if operation in ("tanh", "softmax"):
        return operation
    if operation in ("expit", "logistic"):
        return "logistic"
    if operation in ("maximum", "fmax"):
        return _maximum(node)
    if operation in ("clip", "minimum", "fmin"):
        return _clip(node)
    if operation == "where":
        return _where(node) or composed(node)
    if operation in ("multiply", "setitem"):
        return "relu" if _is_masked(node) else composed(node)
    if operation in ("max", "amax", "take_along_axis"):
        return "pool" if _pools(node) else ""
    if operation in _COMPOSING:
        return (_quotient(node) if operation in ("divide", "true_divide", "reciprocal") else "") or composed(node)
    return ""


def derivative_of(kind: str, output: Array) -> Array | None:
    """f' as a share of its largest possible value, from the function's own output; None where that is not known."""
    if kind == "relu":
        floor = float(output.min()) if _has_floor(output) else 0.0
        return np.asarray((output > floor) * 1.0)
    if kind in ("logistic", "softmax"):  # p(1 - p) is the diagonal of softmax's Jacobian
        return np.asarray(4 * output * (1 - output))
    if kind == "tanh":
        return np.asarray(1 - output * output)
    return None


def _has_floor(output: Array) -> bool:
    return output.size > 0 and 0 < float(output.min()) < _FLOOR


def _pools(node: Node) -> bool:
    """The maximum of windows: images keep their axes, and get smaller. A softmax takes the maximum of a matrix."""
    taken, shape = operand(node), node.shape
    return taken is not None and taken.ndim >= 4 and len(shape) >= 3 and taken.size // max(np.size(node.output), 1) > 1


def _maximum(node: Node) -> str:
    bounds = [number(value) for value in node.inputs[:2]]
    bound = next((value for value in bounds if value is not None), None)
    if bound is None:
        # max(x, a x): leaky ReLU
        x, y = (made_by(node, value) for value in node.inputs[:2])
        scaled = [made for made in (x, y) if made is not None and made.operation == "multiply"]
        other = [value for value in node.inputs[:2] if isinstance(value, np.ndarray)]
        leaky = any(shares(made.inputs, value) for made in scaled for value in other)
        return "activation" if leaky else ""
    return "relu" if 0 <= bound < _FLOOR else "clip"


def _clip(node: Node) -> str:
    if node.operation == "clip":
        keywords = node.event.keywords
        low, high = (
            number(node.inputs[at]) if len(node.inputs) > at else number(keywords.get(f"a_{name}", keywords.get(name)))
            for at, name in ((1, "min"), (2, "max"))
        )
        if low == 0 and (high is None or high == np.inf):
            return "relu"
        return "clip" if low is not None or high is not None else ""
    return "clip" if any(number(value) is not None for value in node.inputs[:2]) else ""


def _where(node: Node) -> str:
    if len(node.inputs) != 3:
        return ""
    test = made_by(node, node.inputs[0])
    if test is None or test.operation not in COMPARISONS:
        return ""
    x = next((value for value in test.inputs if isinstance(value, np.ndarray) and value.ndim), None)
    branches = node.inputs[1:]
    if x is None or not any(shares(branches, value) for value in (x,)):
        return ""
    return "relu" if any(number(value) == 0 for value in branches) else "activation"


def _is_masked(node: Node) -> bool:
    """``x * (x > 0)``, ``x[x < 0] = 0``: the mask was made by comparing this very array with 0."""
    if node.operation == "setitem":
        if len(node.inputs) < 3 or number(node.inputs[2]) != 0:
            return False
        pairs = [(node.inputs[0], node.inputs[1])]
    else:
        pairs = [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])]
    for x, mask in pairs:
        test = made_by(node, mask)
        if test is None and isinstance(x, np.ndarray) and isinstance(mask, np.ndarray) and node.operation == "multiply":
            # made of a plain truth value: (x > 0).astype(float), (x > 0) * 1.0
            if x.shape == mask.shape and x.size > 1 and np.array_equal(mask, x > 0):
                return True
            continue
        while test is not None and test.operation in ("multiply", "astype", "add") and test.parents:
            test = test.parents[0]
        if (
            isinstance(x, np.ndarray)
            and test is not None
            and test.operation in COMPARISONS
            and any(number(value) == 0 for value in test.inputs)
            and shares(test.inputs, x)
        ):
            return True
    return False


def _quotient(node: Node) -> str:
    """1 / (1 + exp(-x)), e / e.sum()."""
    output = np.asarray(node.output)
    if node.operation == "reciprocal":
        above, below = None, made_by(node, node.inputs[0])
    else:
        above, below = made_by(node, node.inputs[0]), made_by(node, node.inputs[1])
    if below is None:
        return ""
    if below.operation == "add" and any(number(value) == 1 for value in below.inputs):
        one = node.operation == "reciprocal" or number(node.inputs[0]) == 1
        return "logistic" if one and any(parent.operation == "exp" for parent in below.parents) else ""
    if below.operation in ("sum", "reduce") and above is not None and above.operation == "exp":
        sums = (output.sum(axis=axis) for axis in range(output.ndim))
        return "softmax" if np.isnan(output).any() or any(np.allclose(s, 1, atol=1e-6) for s in sums) else ""
    return ""
