"""Ten right layers, three ways: in NumPy, as a Function with its backward by hand, and as a module of PyTorch's.

All of them in float64, float32, bfloat16 (which NumPy has not) and float16, on new numbers for every seed.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import right_functions as functions
import right_numpy
import torch
from layers import attention, conv_im2col, layer_norm, linear, max_pool, relu, softmax_cross_entropy
from tables import Table
from torch.nn import functional

from gradcheck.check import check_layer
from gradcheck.report import Report

Array = np.ndarray[Any, Any]
DTYPES = ("float64", "float32", "bfloat16", "float16")
_HEADER = ["layer", "written as", *DTYPES, "undecided"]


class Module(torch.nn.Module):
    """A function of PyTorch's, as the forward of a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The function of the inputs."""
        out: torch.Tensor = self.function(*inputs)
        return out


class Layer(NamedTuple):
    """A right layer in three styles, and how its inputs are drawn."""

    name: str
    draw: Callable[[np.random.Generator], Sequence[Array]]
    numpy: tuple[Callable[..., Any], Callable[..., Any]]
    function: Any
    torch: Callable[..., Any]
    options: dict[str, Any] | None = None


def _normal(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator], Sequence[Array]]:
    return lambda rng: [rng.standard_normal(shape) for shape in shapes]


def _lstm(x: torch.Tensor, h: torch.Tensor, c: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
    wx, wh, b = weights
    n = h.shape[1]
    order = [*range(2 * n), *range(3 * n, 4 * n), *range(2 * n, 3 * n)]  # PyTorch's order of the gates
    flat = [wx.T[order], wh.T[order], b[order], torch.zeros_like(b)]
    out: torch.Tensor = torch.lstm(x, (h[None], c[None]), flat, True, 1, 0.0, False, False, True)[0]
    return out


LAYERS = (
    Layer(
        "linear",
        _normal((8, 12), (12, 7), (7,)),
        (linear.forward, linear.backward),
        functions.Linear,
        lambda x, w, b: functional.linear(x, w.T, b),
    ),
    Layer(
        "conv",
        _normal((2, 3, 7, 6), (4, 3, 3, 2), (4,)),
        (conv_im2col.forward, conv_im2col.backward),
        functions.Conv,
        lambda x, w, b: functional.conv2d(x, w, b, stride=2, padding=1),
        {"stride": 2, "pad": 1},
    ),
    Layer(
        "relu at 0",
        lambda rng: [rng.standard_normal((6, 7)) * (rng.random((6, 7)) > 0.25)],
        (relu.forward, relu.backward),
        functions.ReLU,
        torch.relu,
    ),
    Layer(
        "maxpool with ties",
        lambda rng: [rng.integers(0, 4, (2, 2, 7, 7)).astype(float)],
        (max_pool.forward, max_pool.backward),
        functions.MaxPool,
        lambda x: functional.max_pool2d(x, 3, 2),
        {"size": 3, "stride": 2},
    ),
    Layer(
        "softmax cross-entropy",
        lambda rng: [3 * rng.standard_normal((6, 10)), rng.integers(0, 10, 6)],
        (softmax_cross_entropy.forward, softmax_cross_entropy.backward),
        functions.CrossEntropy,
        functional.cross_entropy,
    ),
    Layer(
        "layer norm",
        lambda rng: [3 * rng.standard_normal((6, 9)) + 1, rng.standard_normal(9) + 2, rng.standard_normal(9)],
        (layer_norm.forward, layer_norm.backward),
        functions.LayerNorm,
        lambda x, g, b: functional.layer_norm(x, x.shape[1:], g, b),
    ),
    Layer(
        "gelu",
        _normal((6, 7)),
        (right_numpy.gelu, right_numpy.gelu_backward),
        functions.GELU,
        lambda x: functional.gelu(x),
    ),
    Layer(
        "logsumexp, large logits",
        lambda rng: [1000 + 30 * rng.standard_normal((6, 7))],
        (right_numpy.logsumexp, right_numpy.logsumexp_backward),
        functions.LogSumExp,
        lambda x: torch.logsumexp(x, 1),
    ),
    Layer(
        "lstm",
        lambda rng: [
            *(rng.standard_normal(s) for s in ((3, 5, 4), (3, 6), (3, 6))),
            *(rng.standard_normal(s) / 2 for s in ((4, 24), (6, 24), (24,))),
        ],
        (right_numpy.lstm, right_numpy.lstm_backward),
        functions.LSTM,
        _lstm,
    ),
    Layer(
        "attention",
        _normal((2, 4, 3), (2, 5, 3), (2, 5, 2)),
        (attention.forward, attention.backward),
        functions.Attention,
        functional.scaled_dot_product_attention,
    ),
)


def table(seeds: int, layers: Sequence[Layer] = LAYERS) -> Table:
    """Every layer, style and dtype, ``seeds`` seeds: how many checks found fault with it."""
    made = Table(f"Right layers called wrong, of {seeds} seeds each", _HEADER)
    for layer in layers:
        for style in ("NumPy", "Function", "Module"):
            counts, undecided = [], 0
            for dtype in DTYPES:
                if style == "NumPy" and dtype == "bfloat16":
                    counts.append("–")
                    continue
                alarms = 0
                for seed in range(seeds):
                    report = _check(layer, style, dtype, seed)
                    verdicts = {g.verdict for g in report.gradients} - {"not differentiated", "right"}
                    blamed = "wrong" in verdicts or any(f.severity == "error" for f in report.findings)
                    alarms += blamed
                    undecided += not blamed and not report.ok
                    if verdicts or not report.ok:
                        made.remarks.append(_said(layer, style, dtype, seed, report))
                counts.append(str(alarms))
            made.rows.append([layer.name, style, *counts, str(undecided)])
    return made


def _check(layer: Layer, style: str, dtype: str, seed: int) -> Report:
    drawn = layer.draw(np.random.default_rng(seed))
    if style == "NumPy":
        arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in drawn]
        return check_layer(*layer.numpy, *arrays, kwargs=layer.options, seed=seed, raises=False)
    of = getattr(torch, dtype)
    tensors = [torch.tensor(a).to(of) if a.dtype.kind == "f" else torch.tensor(a) for a in drawn]
    subject = layer.function if style == "Function" else Module(layer.torch)
    return check_layer(subject, *tensors, seed=seed, raises=False)


def _said(layer: Layer, style: str, dtype: str, seed: int, report: Report) -> str:
    gradients = [f"{g.name} {g.verdict} {g.reason}" for g in report.gradients if g.verdict in ("wrong", "undecided")]
    findings = [f"{f.code} {f.title}" for f in report.findings]
    return f"{layer.name} ({style}, {dtype}, seed {seed}): {'; '.join(gradients + findings) or 'not ok'}"
