"""Which layer an operation of a NumPy network is: recognised by what was computed, not by what it is called."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.watch.numpy_events import root
from gradcheck.watch.numpy_graph import Node

__all__ = ["CONTRACTIONS", "derivative_of", "is_elementwise", "kind_of", "number", "operand"]

Array = np.ndarray[Any, Any]

CONTRACTIONS = frozenset(
    (
        *("matmul", "dot", "einsum", "tensordot", "inner", "vecdot", "matvec", "vecmat", "vdot", "multi_dot", "outer"),
        *("convolve", "correlate", "convolve2d", "correlate2d", "fftconvolve", "oaconvolve"),
    )
)
_ELEMENTWISE = frozenset(
    (
        *("add", "subtract", "multiply", "divide", "true_divide", "negative", "positive", "square", "sqrt", "cbrt"),
        *("absolute", "power", "float_power", "maximum", "minimum", "fmax", "fmin", "clip", "where", "sign"),
        *("reciprocal", "setitem", "copy", "astype", "copyto", "nan_to_num", "array", "asarray", "reshape", "ravel"),
    )
)
_COMPARISONS = ("greater", "greater_equal", "less", "less_equal")
_FLOOR = 0.1  # np.maximum(0.001, x) is still meant as a ReLU; np.maximum(1, x) is a bound


def number(value: object) -> float | None:
    """A plain number, also one in an array of one entry; None for anything else."""
    if isinstance(value, bool | int | float | np.number):
        return float(value) if not isinstance(value, complex | np.complexfloating) else None
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "fiub":
        return float(value)
    return None


def operand(node: Node) -> Array | None:
    """The first operand that is an array with entries."""
    return next((np.asarray(v) for v in node.inputs if isinstance(v, np.ndarray) and v.ndim), None)


def is_elementwise(node: Node) -> bool:
    """Whether each entry of the result comes from the entries at the same place."""
    return node.operation in _ELEMENTWISE


def kind_of(node: Node) -> str:
    """ "linear", "relu", "logistic", "tanh", "softmax", "clip", "pool", "activation", or "" for none of these."""
    operation = node.operation
    if operation in CONTRACTIONS:
        return "linear"
    if operation == "tanh":
        return "tanh"
    if operation in ("expit", "logistic"):
        return "logistic"
    if operation in ("maximum", "fmax"):
        return _maximum(node)
    if operation in ("clip", "minimum", "fmin"):
        return _clip(node)
    if operation == "where":
        return _where(node)
    if operation in ("multiply", "setitem"):
        return "relu" if _is_masked(node) else ""
    if operation in ("max", "amax", "take_along_axis"):
        return "pool" if _pools(node) else ""
    if operation in ("divide", "true_divide", "reciprocal"):
        return _quotient(node)
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
        x, y = (_made(node, value) for value in node.inputs[:2])
        scaled = [made for made in (x, y) if made is not None and made.operation == "multiply"]
        other = [value for value in node.inputs[:2] if isinstance(value, np.ndarray)]
        leaky = any(_shares(made.inputs, value) for made in scaled for value in other)
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
    test = _made(node, node.inputs[0])
    if test is None or test.operation not in _COMPARISONS:
        return ""
    x = next((value for value in test.inputs if isinstance(value, np.ndarray) and value.ndim), None)
    branches = node.inputs[1:]
    made = [_made(node, value) for value in branches]
    if all(branch is not None and branch.kind == "logistic" for branch in made):
        return "logistic"
    if x is None or not any(_shares(branches, value) for value in (x,)):
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
        test = _made(node, mask)
        while test is not None and test.operation in ("multiply", "astype", "add") and test.parents:
            test = test.parents[0]
        if (
            isinstance(x, np.ndarray)
            and test is not None
            and test.operation in _COMPARISONS
            and any(number(value) == 0 for value in test.inputs)
            and _shares(test.inputs, x)
        ):
            return True
    return False


def _quotient(node: Node) -> str:
    """1 / (1 + exp(-x)), e / e.sum(), and what else is made of exponentials."""
    if node.operation == "reciprocal":
        below, above = _made(node, node.inputs[0]), None
    else:
        above, below = _made(node, node.inputs[0]), _made(node, node.inputs[1])
    if below is None:
        return ""
    terms = [parent for parent in below.parents if parent.operation == "exp"]
    if below.operation == "add" and len(below.parents) == 1 and terms and any(number(v) == 1 for v in below.inputs):
        one = node.operation == "reciprocal" or number(node.inputs[0]) == 1
        return "logistic" if one or above is terms[0] else ""
    if below.operation == "add" and len(terms) == 2 and above is not None and above.operation == "subtract":
        return "tanh" if {p.index for p in above.parents} == {p.index for p in terms} else ""
    summed = [parent for parent in below.parents if parent.operation == "exp"]
    if below.operation in ("sum", "reduce") and summed and above is not None:
        return "softmax" if above is summed[0] or summed[0] in above.parents else ""
    return ""


def _made(node: Node, value: object) -> Node | None:
    """The operation that made this input, in this step."""
    if not isinstance(value, np.ndarray | np.generic):
        return None
    wanted = _memory(value)
    found = [parent for parent in node.parents if parent.key == wanted]
    return found[-1] if found else None


def _memory(value: object) -> int:
    return id(root(value)) if isinstance(value, np.ndarray) else id(value)


def _shares(values: tuple[object, ...], array: Array) -> bool:
    return any(isinstance(v, np.ndarray) and v.shape == array.shape and _memory(v) == _memory(array) for v in values)
