"""Nine mistakes in a weight's gradient, at four sizes: how often each check calls the layer wrong, and ours names why.

Each mistake is written into the layer as somebody would write it; ``linear`` has x (8, n), w (n, n), ``wide`` has
w (n, n // 2), and ``conv`` has as many numbers in its kernels: w (n/4, n/4, 4, 4) on images of 6 × 5.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import peer
import torch
from jax_peer import INSTALLED, check_grads
from tables import Table

from gradcheck.check import check_layer

Array = np.ndarray[Any, Any]

SIZES = (16, 100, 300, 1000)
_ROWS = 8
# PyTorch's slow mode holds two Jacobians of (entries of all inputs) × (entries of the output) in memory.
_MOST_JACOBIAN = 250_000_000


class Mistake(NamedTuple):
    """One mistake: the layer it is made in, the gradient it gives, and the code that names it."""

    name: str
    layer: str
    dw: Callable[..., Array]  # (x or windows as rows, w, dout as rows) -> the gradient of w
    code: str


def _dw(x: Array, dout: Array) -> Array:
    return x.T @ dout


def _row_doubled(x: Array, w: Array, dout: Array) -> Array:
    dw = _dw(x, dout)
    return dw * (1 + (np.arange(len(dw)) == 3))[:, None]


def _entry_doubled(x: Array, w: Array, dout: Array) -> Array:
    dw = _dw(x, dout)
    rows, columns = np.arange(dw.shape[0])[:, None] == 3, np.arange(dw.shape[1]) == 5
    return dw * (1 + rows * columns)


def _flipped(x: Array, w: Array, dout: Array) -> Array:
    return (dout.T @ x).reshape(w.shape)[:, :, ::-1, ::-1]


MISTAKES = (
    Mistake("transposed", "linear", lambda x, w, dout: _dw(x, dout).T, "GC203"),
    Mistake("rows reversed", "linear", lambda x, w, dout: _dw(x, dout)[::-1], "GC204"),
    Mistake("one row × 2", "linear", _row_doubled, "GC215"),
    Mistake("one entry × 2", "linear", _entry_doubled, "GC215"),
    Mistake("× 1.01", "linear", lambda x, w, dout: 1.01 * _dw(x, dout), "GC201"),
    Mistake("zeroed", "linear", lambda x, w, dout: 0 * _dw(x, dout), "GC205"),
    Mistake("/ N", "linear", lambda x, w, dout: _dw(x, dout) / len(x), "GC201"),
    Mistake("reshape for transpose", "wide", lambda x, w, dout: (dout.T @ x).reshape(w.shape), "GC203"),
    Mistake("flipped kernel", "conv", _flipped, "GC204"),
)


def table(runs: int, sizes: tuple[int, ...] = SIZES, slow_budget: float = 60.0) -> Table:
    """Every mistake at every size, ``runs`` times with new numbers."""
    made = Table(
        f"Wrong gradients called wrong, of {runs} runs each",
        ["mistake", "size", "torch fast", "torch slow", "jax", "gradcheck", "cause named"],
    )
    for size in sizes:
        slow = {kind: _slow_ends(kind, size, slow_budget) for kind in ("linear", "wide", "conv")}
        for mistake in MISTAKES:
            made.rows.append(_row(mistake, size, runs, slow_budget * slow[mistake.layer], made.remarks))
    made.remarks += [
        f"torch slow: – where one check does not end within {slow_budget:.0f} s; no more runs than end within that. "
        "jax: jax.test_util.check_grads in reverse mode, in float64" + ("." if INSTALLED else "; not installed here."),
        "cause named: the first cause that the report gives for dw is the one that was made.",
    ]
    return made


def _row(mistake: Mistake, size: int, runs: int, slow_budget: float, remarks: list[str]) -> list[str]:
    asked, spent = 0, 0.0
    caught = {"fast": 0, "slow": 0, "jax": 0, "ours": 0, "named": 0}
    forward, backward = layer(mistake)
    for seed in range(runs):
        arrays = draw(mistake.layer, size, seed)
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        function = peer.pair_as_function(forward, backward)
        caught["fast"] += not _passes(function, tensors, fast=True)
        if spent < slow_budget:
            started = time.perf_counter()
            caught["slow"] += not _passes(function, tensors, fast=False)
            spent += time.perf_counter() - started
            asked += 1
        if INSTALLED:
            caught["jax"] += not check_grads(forward, backward, arrays)
        report = check_layer(forward, backward, *arrays, seed=seed, raises=False)
        verdicts = {g.of: g.verdict for g in report.gradients}
        caught["ours"] += verdicts["w"] == "wrong" and not report.ok
        codes = [f.code for f in report.findings]
        caught["named"] += codes[:1] == [mistake.code]
        if verdicts != {"x": "right", "w": "wrong", "b": "right"} or codes != [mistake.code]:
            remarks.append(f"{mistake.name}, {size}, seed {seed}: {verdicts}, {codes}")
    return [
        mistake.name,
        str(size),
        str(caught["fast"]),
        f"{caught['slow']}" + (f" of {asked}" if asked < runs else "") if asked else "–",
        str(caught["jax"]) if INSTALLED else "–",
        str(caught["ours"]),
        str(caught["named"]),
    ]


def layer(mistake: Mistake | None, kind: str = "") -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Forward and backward with ``mistake`` in the gradient of w; right ones of ``kind`` where it is None."""
    dw = (lambda x, w, dout: _dw(x, dout)) if mistake is None else mistake.dw
    if (kind or (mistake.layer if mistake else "")) == "conv":
        right = mistake is None
        return _conv, lambda dout, cache: _conv_backward(
            dout, cache, (lambda x, w, d: (d.T @ x).reshape(w.shape)) if right else dw
        )
    return _linear, lambda dout, cache: (dout @ cache[1].T, dw(*cache, dout), dout.sum(axis=0))


def _linear(x: Array, w: Array, b: Array) -> Any:
    return x @ w + b, (x, w)


def _conv(x: Array, w: Array, b: Array) -> Any:
    k, _, kh, kw = w.shape
    rows, columns = x.shape[2] - kh + 1, x.shape[3] - kw + 1
    taps = [x[:, :, i : i + rows, j : j + columns] for i in range(kh) for j in range(kw)]
    windows = np.stack(taps, axis=-1).transpose(0, 2, 3, 1, 4).reshape(len(x) * rows * columns, -1)
    out = windows @ w.reshape(k, -1).T + b
    return out.reshape(len(x), rows, columns, k).transpose(0, 3, 1, 2), (windows, w)


def _conv_backward(dout: Array, cache: Any, dw: Callable[..., Array]) -> Any:
    windows, w = cache
    (k, c, kh, kw), (n, _, rows, columns) = w.shape, dout.shape
    flat = dout.transpose(0, 2, 3, 1).reshape(-1, k)
    taps = (flat @ w.reshape(k, -1)).reshape(n, rows, columns, c, kh, kw).transpose(0, 3, 1, 2, 4, 5)
    dx = 0
    for i in range(kh):
        for j in range(kw):
            around = ((0, 0), (0, 0), (i, kh - 1 - i), (j, kw - 1 - j))
            dx = dx + np.pad(taps[..., i, j], around)
    return dx, dw(windows, w, flat), flat.sum(axis=0)


def draw(kind: str, size: int, seed: int) -> list[Array]:
    """Gaussian inputs; weights as large as keeps the output near 1."""
    rng = np.random.default_rng(seed)
    if kind == "conv":
        shapes: list[tuple[int, ...]] = [(2, size // 4, 6, 5), (size // 4, size // 4, 4, 4), (size // 4,)]
    else:
        units = size if kind == "linear" else size // 2
        shapes = [(_ROWS, size), (size, units), (units,)]
    x, w, b = (rng.standard_normal(shape) for shape in shapes)
    return [x, w / np.sqrt(w[0].size if kind == "conv" else size), b]


def _passes(function: Callable[..., Any], tensors: list[torch.Tensor], fast: bool) -> bool:
    # a failing fast check runs the slow one as well, for its message only, which would not end here
    with mock.patch("torch.autograd.gradcheck._run_slow_mode_and_get_error", return_value=""):
        return peer.gradcheck(function, tensors, fast)


def _slow_ends(kind: str, size: int, budget: float) -> bool:
    """Whether PyTorch's slow mode ends within ``budget`` seconds, from the number of calls that it makes."""
    arrays = draw(kind, size, 0)
    forward, backward = layer(None, kind)
    started = time.perf_counter()
    out, cache = forward(*arrays)
    backward(out, cache)
    once = time.perf_counter() - started
    inputs = sum(a.size for a in arrays)
    return 2 * (inputs + out.size) * once / 2 <= budget and inputs * out.size <= _MOST_JACOBIAN
