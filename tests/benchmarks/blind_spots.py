"""What PyTorch's own check passes though it is wrong, or fails though it is right; and what ours says to the same."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from peer import gradcheck, pair_as_function
from tables import Table

from gradcheck.check import check_layer

Array = np.ndarray[Any, Any]


class Case(NamedTuple):
    """One linear layer or ReLU, right or with one fault, for both checks."""

    name: str
    right: bool
    shapes: tuple[tuple[int, ...], ...]
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    dtype: str = "float64"
    slow: bool = True
    kink: bool = False


def _forward(x: Array, w: Array, b: Array) -> Any:
    return x @ w + b, (x, w)


def _backward(dw: Callable[[Array], Array] = lambda dw: dw, summed: bool = True) -> Callable[..., Any]:
    def backward(dout: Array, cache: Any) -> Any:
        x, w = cache
        return dout @ w.T, dw(x.T @ dout), dout.sum(axis=0) if summed else dout.copy()

    return backward


def _doubled(dw: Array) -> Array:
    spoilt = dw.copy()
    spoilt[3, 5] *= 2
    return spoilt


def _writes(dout: Array, cache: Any) -> Any:
    x, w = cache
    dx, dw, db = dout @ w.T, x.T @ dout, dout.sum(axis=0)
    dout *= 2
    return dx, dw, db


def _relu(x: Array) -> Any:
    return np.maximum(x, 0), x


def _relu_backward(dout: Array, cache: Array) -> Array:
    return dout * (cache > 0)


_SMALL = ((4, 3), (3, 5), (5,))
_MIDDLE = ((8, 100), (100, 100), (100,))
CASES = (
    Case("right linear layer, float32", True, _SMALL, _forward, _backward(), dtype="float32"),
    Case("right ReLU with an entry at 0", True, ((4, 5),), _relu, _relu_backward, kink=True),
    Case(
        "transposed dw, 300 × 300", False, ((8, 300), (300, 300), (300,)), _forward, _backward(np.transpose), slow=False
    ),
    Case("one entry of dw doubled, 100 × 100", False, _MIDDLE, _forward, _backward(_doubled), slow=False),
    Case("dw × 1.01, 100 × 100", False, _MIDDLE, _forward, _backward(lambda dw: 1.01 * dw), slow=False),
    Case("db not summed over the batch", False, _SMALL, _forward, _backward(summed=False)),
    Case("backward writes into the upstream gradient", False, _SMALL, _forward, _writes),
)


def table(runs: int) -> Table:
    """Each case ``runs`` times with new numbers: how many verdicts were right."""
    made = Table(
        f"Verdicts that are right, of {runs}",
        ["case", "should", "torch fast", "torch slow", "ours"],
    )
    for case in CASES:
        fast = slow = ours = 0
        for seed in range(runs):
            arrays = _arrays(case, seed)
            tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
            function = pair_as_function(case.forward, case.backward)
            fast += _passes(function, tensors, fast=True) == case.right
            if case.slow:
                slow += _passes(function, tensors, fast=False) == case.right
            report = check_layer(case.forward, case.backward, *arrays, seed=seed, raises=False)
            named = not case.kink or any(g.kinks for g in report.gradients)
            ours += report.ok == case.right
            if report.ok != case.right or not named:
                said = [f"{g.name} {g.verdict} {g.reason}, {g.kinks} kinks" for g in report.gradients]
                made.remarks.append(f"{case.name}, seed {seed}: {said}")
        made.rows.append(
            [case.name, "pass" if case.right else "fail", str(fast), str(slow) if case.slow else "-", str(ours)]
        )
    return made


def _arrays(case: Case, seed: int) -> list[Array]:
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape).astype(case.dtype) for shape in case.shapes]
    if case.kink:
        arrays[0][1, 2] = 0
    return arrays


def _passes(function: Callable[..., Any], tensors: list[torch.Tensor], fast: bool) -> bool:
    try:
        return gradcheck(function, tensors, fast)
    except Exception:  # a check that ends in an error has not passed
        return False
