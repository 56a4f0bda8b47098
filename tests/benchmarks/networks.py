"""Small networks with one big backward each, and the faults that are planted in them one at a time.

A fault is named in ``FAULTS`` with its family and the codes that name its cause there: several, where two descriptions
are one and the same function (a factor left out is "left out" and "taken as 1"). None of these networks was looked
at when the families of causes were written.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from layers.catalogue import Layer

Array = np.ndarray[Any, Any]


class Fault(NamedTuple):
    """One way in which a network's backward is wrong."""

    family: str
    codes: frozenset[str]


def _f(family: str, *codes: str) -> Fault:
    return Fault(family, frozenset(codes))


LEFT_OUT, TWICE, OTHER = "derivative left out", "derivative twice", "another function's derivative"
DROPPED, SCALED, OPERAND = "path forgotten", "path scaled", "other operand"
ONE_ROUND, BELOW, OVERWRITTEN = "one round of a loop", "derivative missing below", "= for +="
COPIED, LOSS, POINT, AXES = "another's gradient", "another loss", "another point", "axes"


def _sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def mlp_forward(x: Array, w1: Array, b1: Array, w2: Array, b2: Array, w3: Array) -> Any:
    """Tanh, then logistic units, then a linear layer."""
    z1 = x @ w1 + b1
    h1 = np.tanh(z1)
    z2 = h1 @ w2 + b2
    h2 = 1 / (1 + np.exp(-z2))
    return h2 @ w3, (x, w1, w2, w3, z1, h1, z2, h2)


MLP = {
    "": _f(""),
    "logistic derivative left out": _f(LEFT_OUT, "GC232"),
    "tanh derivative left out": _f(LEFT_OUT, "GC232"),
    "logistic derivative twice": _f(TWICE, "GC234"),
    "tanh derivative twice": _f(TWICE, "GC234"),
    "tanh's for the logistic": _f(OTHER, "GC233"),
    "logistic's for tanh": _f(OTHER, "GC233"),
    "logistic derivative at its output": _f(OTHER, "GC233"),
    "tanh derivative at its input": _f(OTHER, "GC233"),
    "a step for tanh": _f(OTHER, "GC233"),
    "logistic derivative missing below": _f(BELOW, "GC239"),
    "logistic derivative missing in its weights": _f(BELOW, "GC239"),
    "delta of tanh negated": _f(SCALED, "GC231", "GC202"),
    "delta of tanh halved": _f(SCALED, "GC231", "GC201"),
    "w2 not transposed": _f(OPERAND, "GC238"),
    "dw2 from the input of tanh": _f(OPERAND, "GC238"),
}


def mlp_backward(fault: str) -> Callable[..., Any]:
    def backward(dout: Array, cache: Any) -> Any:
        x, _, w2, w3, z1, h1, _, h2 = cache
        back = dout @ w3.T
        s = {
            "logistic derivative left out": np.ones_like(h2),
            "logistic derivative twice": (h2 * (1 - h2)) ** 2,
            "tanh's for the logistic": 1 - h2**2,
            "logistic derivative at its output": _sigmoid(h2) * (1 - _sigmoid(h2)),
        }.get(fault, h2 * (1 - h2))
        t = {
            "tanh derivative left out": np.ones_like(h1),
            "tanh derivative twice": (1 - h1**2) ** 2,
            "logistic's for tanh": h1 * (1 - h1),
            "tanh derivative at its input": 1 - z1**2,
            "a step for tanh": (z1 > 0) * 1.0,
            "delta of tanh negated": -(1 - h1**2),
            "delta of tanh halved": (1 - h1**2) / 2,
        }.get(fault, 1 - h1**2)
        d2 = back * s
        below = back if fault == "logistic derivative missing below" else d2
        own = back if fault == "logistic derivative missing in its weights" else d2
        d1 = (below @ (w2 if fault == "w2 not transposed" else w2.T)) * t
        dw2 = (z1 if fault == "dw2 from the input of tanh" else h1).T @ own
        return x.T @ d1, d1.sum(axis=0), dw2, own.sum(axis=0), h2.T @ dout

    def with_dx(dout: Array, cache: Any) -> Any:
        dw1, db1, dw2, db2, dw3 = backward(dout, cache)
        x, w1 = cache[:2]
        # dx = d1 w1ᵀ, and d1 is what dw1 = xᵀ d1 was made of: asked for again with x = 1
        d1 = backward(dout, (np.eye(len(x)), *cache[1:]))[0]
        return d1 @ w1.T, dw1, db1, dw2, db2, dw3

    return with_dx


def residual_forward(x: Array, w1: Array, w2: Array) -> Any:
    """Two residual blocks."""
    a = np.tanh(x @ w1)
    h = x + a
    b = np.maximum(h @ w2, 0)
    return h + b, (x, w1, w2, a, h, b)


RESIDUAL = {
    "": _f(""),
    "first skip forgotten": _f(DROPPED, "GC236", "GC230"),
    "second skip forgotten": _f(DROPPED, "GC236", "GC230"),
    "first branch forgotten": _f(DROPPED, "GC236", "GC230"),
    "second branch forgotten below": _f(DROPPED, "GC236", "GC230"),
    "second skip twice": _f(SCALED, "GC231"),
    "mask left out": _f(LEFT_OUT, "GC232"),
    "mask of the outputs with >=": _f(LEFT_OUT, "GC232"),
    "softplus for the mask": _f(OTHER, "GC233"),
    "identity of the output for tanh": _f(OTHER, "GC233"),
    "dw2 transposed": _f(AXES, "GC203"),
    "dw1 from the second input": _f(OPERAND, "GC238"),
}


def residual_backward(fault: str) -> Callable[..., Any]:
    def backward(dout: Array, cache: Any) -> Any:
        x, w1, w2, a, h, b = cache
        mask = {"mask left out": np.ones_like(b), "mask of the outputs with >=": (b >= 0) * 1.0}.get(fault, b > 0)
        if fault == "softplus for the mask":
            mask = np.log1p(np.exp(h @ w2))
        d2 = dout * mask
        skip = {"second skip forgotten": 0, "second skip twice": 2}.get(fault, 1)
        dh = skip * dout + (0 if fault == "second branch forgotten below" else d2 @ w2.T)
        d1 = dh * (a if fault == "identity of the output for tanh" else 1 - a**2)
        dx = (0 if fault == "first skip forgotten" else dh) + (0 if fault == "first branch forgotten" else d1 @ w1.T)
        dw2 = (d2.T @ h) if fault == "dw2 transposed" else h.T @ d2
        return dx, (h if fault == "dw1 from the second input" else x).T @ d1, dw2

    return backward


def rnn_forward(x: Array, wx: Array, wh: Array, b: Array) -> Any:
    """x (T, N, D): all hidden states, (T, N, H)."""
    h = np.zeros((len(x) + 1, x.shape[1], len(wh)))
    for t in range(len(x)):
        h[t + 1] = np.tanh(x[t] @ wx + h[t] @ wh + b)
    return h[1:], (x, wx, wh, h)


RNN = {
    "": _f(""),
    "hidden state not passed back": _f(DROPPED, "GC230", "GC236"),
    "derivative left out": _f(LEFT_OUT, "GC232"),
    "logistic's for tanh": _f(OTHER, "GC233"),
    "dwx of the first step alone": _f(ONE_ROUND, "GC235", "GC207"),
    "dwh of the last step alone": _f(ONE_ROUND, "GC235", "GC207"),
    "db of the first step alone": _f(ONE_ROUND, "GC235", "GC207"),
    "dwh from the state after the step": _f(OPERAND, "GC238"),
    "wh not transposed": _f(OPERAND, "GC238"),
    "passed back without the derivative": _f(BELOW, "GC239", "GC232"),
    "dwh transposed": _f(AXES, "GC203"),
}


def rnn_backward(fault: str) -> Callable[..., Any]:
    def backward(dout: Array, cache: Any) -> Any:
        x, wx, wh, h = cache
        dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros(len(wh))
        passed: Any = 0
        for t in reversed(range(len(x))):
            back = dout[t] + passed
            slope = {"derivative left out": 1, "logistic's for tanh": h[t + 1] * (1 - h[t + 1])}
            dz = back * slope.get(fault, 1 - h[t + 1] ** 2)
            dx[t] = dz @ wx.T
            dwx = x[t].T @ dz + (0 if fault == "dwx of the first step alone" else dwx)
            state = h[t + 1] if fault == "dwh from the state after the step" else h[t]
            dwh = dwh + (0 if fault == "dwh of the last step alone" and t < len(x) - 1 else state.T @ dz)
            db = dz.sum(axis=0) + (0 if fault == "db of the first step alone" else db)
            down = back if fault == "passed back without the derivative" else dz
            passed = down @ (wh if fault == "wh not transposed" else wh.T)
            if fault == "hidden state not passed back":
                passed = 0
        return dx, dwx, dwh.T if fault == "dwh transposed" else dwh, db

    return backward


def gated_forward(x: Array, wa: Array, wg: Array, ba: Array, bg: Array) -> Any:
    """A gated unit with a highway around it: g tanh(a) + (1 - g) x."""
    a, g = np.tanh(x @ wa + ba), _sigmoid(x @ wg + bg)
    return g * a + (1 - g) * x, (x, wa, wg, a, g)


GATED = {
    "": _f(""),
    "gate not applied below": _f(OPERAND, "GC238", "GC232"),
    "highway forgotten": _f(DROPPED, "GC236", "GC230"),
    "gate's other path forgotten": _f(DROPPED, "GC236", "GC230"),
    "gate's derivative left out": _f(LEFT_OUT, "GC232"),
    "gate's derivative at its output": _f(OTHER, "GC233"),
    "bias gradients copied": _f(COPIED, "GC212"),
    "weight gradients swapped": _f(COPIED, "GC212", "GC102"),
    "gate for one minus gate": _f(OPERAND, "GC238", "GC233", "GC236"),
    "gate's weights forgotten below": _f(DROPPED, "GC236", "GC230"),
}


def gated_backward(fault: str) -> Callable[..., Any]:
    def backward(dout: Array, cache: Any) -> Any:
        x, wa, wg, a, g = cache
        da = dout * (1 if fault == "gate not applied below" else g) * (1 - a**2)
        dgate = dout * (a if fault == "gate's other path forgotten" else a - x)
        slope = {
            "gate's derivative left out": 1,
            "gate's derivative at its output": _sigmoid(g) * (1 - _sigmoid(g)),
        }.get(fault, g * (1 - g))
        dg = dgate * slope
        around = {"highway forgotten": 0 * g, "gate for one minus gate": g}.get(fault, 1 - g) * dout
        dx = da @ wa.T + (0 if fault == "gate's weights forgotten below" else dg @ wg.T) + around
        dwa, dwg, dba, dbg = x.T @ da, x.T @ dg, da.sum(axis=0), dg.sum(axis=0)
        if fault == "bias gradients copied":
            dbg = dba.copy()
        if fault == "weight gradients swapped":
            dwa, dwg = dwg, dwa
        return dx, dwa, dwg, dba, dbg

    return backward


def loss_forward(x: Array, w: Array, t: Array) -> Any:
    """Softmax, then the squared distance to one-hot rows, averaged over the batch."""
    z = x @ w
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return 0.5 * np.mean(np.sum((p - t) ** 2, axis=1)), (x, w, t, p)


LOSSES = {
    "": _f(""),
    "cross-entropy's": _f(LOSS, "GC251", "GC232"),
    "diagonal of softmax": _f(OTHER, "GC233"),
    "summed over the batch": _f(SCALED, "GC201", "GC231", "GC232"),
    "sign": _f(SCALED, "GC202", "GC231", "GC232"),
    "targets not subtracted": _f(DROPPED, "GC230", "GC236", "GC251"),
    "softmax over the batch": _f(POINT, *(f"GC24{k}" for k in range(10)), "GC237", "GC238"),
    "targets one row late": _f(POINT, *(f"GC24{k}" for k in range(10)), "GC251"),
}


def loss_backward(fault: str) -> Callable[..., Any]:
    def backward(dout: Array, cache: Any) -> Any:
        x, w, t, p = cache
        t = {"targets not subtracted": 0 * t, "targets one row late": np.roll(t, 1, axis=0)}.get(fault, t)
        dp = dout * (p - t) / (1 if fault == "summed over the batch" else len(x))
        axis = 0 if fault == "softmax over the batch" else 1
        dz = {"cross-entropy's": dp, "diagonal of softmax": dp * p * (1 - p)}.get(
            fault, p * (dp - (dp * p).sum(axis=axis, keepdims=True))
        )
        dz = -dz if fault == "sign" else dz
        return dz @ w.T, x.T @ dz

    return backward


def _layers() -> dict[str, tuple[Any, Any, tuple[tuple[int, ...], ...]]]:
    square = (4, 4)
    return {
        "mlp": (mlp_forward, mlp_backward, ((6, 3), (3, 4), (4,), square, (4,), (4, 2))),
        "residual": (residual_forward, residual_backward, ((6, 4), square, square)),
        "rnn": (rnn_forward, rnn_backward, ((5, 3, 2), (2, 4), square, (4,))),
        "gated": (gated_forward, gated_backward, ((6, 4), square, square, (4,), (4,))),
        "softmax loss": (loss_forward, loss_backward, ((6, 4), (4, 3))),
    }


FAULTS = {"mlp": MLP, "residual": RESIDUAL, "rnn": RNN, "gated": GATED, "softmax loss": LOSSES}


def networks(seed: int) -> list[tuple[Layer, Callable[[str], Callable[..., Any]]]]:
    """Each network with its right backward at inputs of its own, and what makes the wrong ones."""
    rng = np.random.default_rng([seed, 7])
    made = []
    for name, (forward, backward, shapes) in _layers().items():
        inputs = [rng.standard_normal(shape) * (0.7 if k else 1.0) for k, shape in enumerate(shapes)]
        if name == "softmax loss":
            inputs.append(np.eye(3, dtype=int)[rng.permutation([0, 1, 2, 2, 1, 0])])
        made.append((Layer(name, forward, backward(""), None, tuple(inputs), {}), backward))
    return made
