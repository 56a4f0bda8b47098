"""Losses, loops and operations whose mistakes were looked at when the causes of Functions were written."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []


@planted(
    FUNCTIONS,
    (normal("logits", 5, 4), torch.tensor([0, 2, 1, 3, 2])),
    {
        "sum for the mean": "GC201",
        "labels not subtracted": "GC230 GC233 GC236 GC251 GC207",
        "labels alone": "GC207 GC208 GC215 GC233 GC236 GC230 GC238",
    },
)
def cross_entropy(wrong: str) -> Function:
    """From the logits."""

    class CrossEntropy(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, logits: Tensor, y: Tensor) -> Tensor:
            p = torch.softmax(logits, 1)
            ctx.save_for_backward(p, y)
            return -torch.log(p[torch.arange(len(y)), y]).mean()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            p, y = ctx.saved_tensors
            hot = functional.one_hot(y, p.shape[1])
            d = p - (0 if wrong == "labels not subtracted" else hot)
            d = d * hot if wrong == "labels alone" else d
            return g * d / (1 if wrong == "sum for the mean" else len(y)), None

    return CrossEntropy


@planted(
    FUNCTIONS,
    (normal("x", 4, 3, 2), normal("wx", 2, 5) / 2, normal("wh", 5, 5) / 2),
    {
        "state after for the state before": "GC238",
        "not through time": "GC230 GC236 GC241 GC235",
        "tanh not differentiated": "GC232",
        "weight's of the last step": "GC235 GC237 GC241 GC205",
        "weight not transposed": "GC238 GC203 GC250",
    },
)
def rnn(wrong: str) -> Function:
    """All states of (T, N, D)."""

    class RNN(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, wx: Tensor, wh: Tensor) -> Tensor:
            h = torch.zeros(x.shape[1], wh.shape[0], dtype=x.dtype)
            states = [h]
            for t in range(x.shape[0]):
                h = torch.tanh(x[t] @ wx + h @ wh)
                states.append(h)
            ctx.save_for_backward(x, wx, wh, torch.stack(states))
            return torch.stack(states[1:])

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, wx, wh, states = ctx.saved_tensors
            dx, dwx, dwh = torch.zeros_like(x), torch.zeros_like(wx), torch.zeros_like(wh)
            d = torch.zeros_like(states[0])
            for t in reversed(range(len(x))):
                d = g[t] if wrong == "not through time" else d + g[t]
                dz = d if wrong == "tanh not differentiated" else d * (1 - states[t + 1] ** 2)
                before = states[t + (wrong == "state after for the state before")]
                dx[t] = dz @ wx.t()
                dwx += x[t].t() @ dz
                dwh = before.t() @ dz if wrong == "weight's of the last step" else dwh + before.t() @ dz
                d = dz @ (wh if wrong == "weight not transposed" else wh.t())
            return dx, dwx, dwh

    return RNN


@planted(
    FUNCTIONS,
    (normal("a", 4, 3), 2 + normal("b", 4, 3).abs()),
    {"sign": "GC202 GC233 GC201", "not by a": "GC238 GC213 GC233", "b for b²": "GC238 GC213 GC233"},
)
def division(wrong: str) -> Function:
    """a / b."""

    class Division(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
            ctx.save_for_backward(a, b)
            return a / b

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            a, b = ctx.saved_tensors
            db = -g * (1 if wrong == "not by a" else a) / (b if wrong == "b for b²" else b**2)
            return g / b, -db if wrong == "sign" else db

    return Division


@planted(
    FUNCTIONS,
    (normal("x", 4, 9), normal("w", 3)),
    {
        "overlaps overwritten": "GC237",
        "weight's of the last window": "GC237 GC235 GC241",
        "kernel turned": "GC238 GC204",
    },
)
def windows(wrong: str) -> Function:
    """A kernel at each position, in a loop."""

    class Windows(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, stride: int = 1) -> Tensor:
            n = (x.shape[1] - len(w)) // stride + 1
            ctx.save_for_backward(x, w)
            return torch.stack([x[:, i * stride : i * stride + len(w)] @ w for i in range(n)], 1)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w = ctx.saved_tensors
            dx, dw = torch.zeros_like(x), torch.zeros_like(w)
            kernel = w.flip(0) if wrong == "kernel turned" else w
            for i in range(g.shape[1]):
                at = slice(i, i + len(w))
                dx[:, at] = g[:, i : i + 1] * kernel + (0 if wrong == "overlaps overwritten" else dx[:, at])
                dw = x[:, at].t() @ g[:, i] + (0 if wrong == "weight's of the last window" else dw)
            return dx, dw, None

    return Windows


@planted(FUNCTIONS, (normal("w", 6, 3), torch.tensor([1, 4, 1, 2, 1, 0])), {"overwritten": "GC237"})
def embedding(wrong: str) -> Function:
    """Rows of w."""

    class Embedding(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, w: Tensor, ids: Tensor) -> Tensor:
            ctx.save_for_backward(ids)
            ctx.shape = w.shape
            return w[ids]

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            (ids,) = ctx.saved_tensors
            dw = g.new_zeros(ctx.shape)
            dw.index_put_((ids,), g, accumulate=wrong != "overwritten")
            return dw, None

    return Embedding


@planted(FUNCTIONS, (normal("x", 4, 5), normal("w", 5, 6)), {"reshaped": "GC203 GC252 GC245 GC244"})
def heads(wrong: str) -> Function:
    """A product, its columns as heads."""

    class Heads(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            ctx.save_for_backward(x, w)
            y = x @ w
            return y.view(4, 2, 3).permute(1, 0, 2).contiguous()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w = ctx.saved_tensors
            d = (g if wrong == "reshaped" else g.permute(1, 0, 2)).reshape(4, 6)
            return d @ w.t(), x.t() @ d

    return Heads


@planted(FUNCTIONS, (normal("a", 2, 3, 3), normal("b", 2, 3, 3)), {"not transposed": "GC238 GC239"})
def batched(wrong: str) -> Function:
    """torch.bmm."""

    class Batched(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
            ctx.save_for_backward(a, b)
            return torch.bmm(a, b)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            a, b = ctx.saved_tensors
            return torch.bmm(g, b if wrong == "not transposed" else b.mT), torch.bmm(a.mT, g)

    return Batched


@planted(
    FUNCTIONS,
    (normal("x", 5, 4), normal("w", 3, 4), normal("b", 3)),
    {"before ReLU": "GC238", "no ReLU": "GC232"},
)
def relu_linear(wrong: str) -> Function:
    """F.linear behind a ReLU."""

    class ReLULinear(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            h = torch.relu(x)
            ctx.save_for_backward(x, h, w)
            return functional.linear(h, w, b)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, h, w = ctx.saved_tensors
            dx = g @ w if wrong == "no ReLU" else (g @ w) * (x > 0)
            return dx, g.t() @ (x if wrong == "before ReLU" else h), g.sum(0)

    return ReLULinear


@planted(
    FUNCTIONS,
    (normal("x", 5, 4), normal("w", 4, 3)),
    {"before the logistic function": "GC238", "logistic derivative at its input": "GC233"},
)
def logistic_einsum(wrong: str) -> Function:
    """torch.einsum behind a logistic function."""

    class LogisticEinsum(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            h = torch.sigmoid(x)
            ctx.save_for_backward(x, h, w)
            return torch.einsum("bi,io->bo", h, w)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, h, w = ctx.saved_tensors
            at = x if wrong == "logistic derivative at its input" else h
            dx = torch.einsum("bo,io->bi", g, w) * at * (1 - at)
            return dx, (x if wrong == "before the logistic function" else h).t() @ g

    return LogisticEinsum


@planted(FUNCTIONS, (normal("x", 5, 4),), {"2 left": "GC231 GC201"})
def gaussian(wrong: str) -> Function:
    """exp(-x² / 2), summed."""

    class Gaussian(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.save_for_backward(x)
            return torch.exp(-(x**2) / 2).sum(-1)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            (x,) = ctx.saved_tensors
            return g[:, None] * torch.exp(-(x**2) / 2) * -x * (2 if wrong == "2 left" else 1)

    return Gaussian


@planted(
    FUNCTIONS,
    (normal("x", 5, 8),),
    {
        "before the logistic function": "GC238",
        "s for s (1 - s)": "GC233 GC232",
        "halves exchanged": "GC250 GC212 GC206 GC239 GC242 GC252",
    },
)
def glu(wrong: str) -> Function:
    """One half times the logistic function of the other."""

    class GLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            a, b = x.chunk(2, dim=-1)
            s = torch.sigmoid(b)
            ctx.save_for_backward(a, b, s)
            return a * s

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            a, b, s = ctx.saved_tensors
            da = g * (b if wrong == "before the logistic function" else s)
            db = g * a * (s if wrong == "s for s (1 - s)" else s * (1 - s))
            return torch.cat([db, da] if wrong == "halves exchanged" else [da, db], -1)

    return GLU


@planted(FUNCTIONS, (normal("x", 5, 4),), {"not divided by the sum": "GC232 GC233 GC230 GC236 GC213"})
def log_sum_exp(wrong: str) -> Function:
    """Shifted by the maximum."""

    class LogSumExp(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            m = x.max(dim=1, keepdim=True).values
            e = torch.exp(x - m)
            s = e.sum(1, keepdim=True)
            ctx.save_for_backward(e, s)
            return (m + torch.log(s)).squeeze(1)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            e, s = ctx.saved_tensors
            return g[:, None] * e / (1 if wrong == "not divided by the sum" else s)

    return LogSumExp
