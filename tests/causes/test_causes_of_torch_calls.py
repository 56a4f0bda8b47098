"""Mistakes in the backward of a Function whose forward is made of torch calls that NumPy has other names for."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

from gradcheck import check_layer


def normal(*shape):
    seed = torch.Generator().manual_seed(sum(shape) + len(shape))
    return torch.randn(*shape, generator=seed, dtype=torch.float64)


class Scaled(torch.autograd.Function):
    """x in the place of relu(x)."""

    @staticmethod
    def forward(ctx, x, w):
        h = torch.relu(x)
        ctx.save_for_backward(x, w)
        return h * w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g * w * (x > 0), (g * x).sum(0)


class Divided(torch.autograd.Function):
    """1 / s seen as s: the number stands on the left."""

    @staticmethod
    def forward(ctx, x, s):
        ctx.save_for_backward(x, s)
        r = 1.0 / s
        return x * r

    @staticmethod
    def backward(ctx, g):
        x, s = ctx.saved_tensors
        return g * s, -(g * x / s**2).sum(0)


class Convolved(torch.autograd.Function):
    """The kernel turned on the way down; a bias is added in the same call."""

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return F.conv2d(x, w, b, padding=1)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        below = torch.nn.grad.conv2d_input(x.shape, w.flip(-1, -2), g, padding=1)
        return below, torch.nn.grad.conv2d_weight(x, w.shape, g, padding=1), g.sum((0, 2, 3))


class Linear(torch.autograd.Function):
    """x in the place of relu(x)."""

    @staticmethod
    def forward(ctx, x, w, b):
        h = torch.relu(x)
        ctx.save_for_backward(x, w)
        return F.linear(h, w, b)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return (g @ w) * (x > 0), g.t() @ x, g.sum(0)


class Gated(torch.autograd.Function):
    """Two halves of one chunk, the gate without its logistic function."""

    @staticmethod
    def forward(ctx, x):
        a, b = x.chunk(2, dim=-1)
        s = torch.sigmoid(b)
        ctx.save_for_backward(a, b, s)
        return a * s

    @staticmethod
    def backward(ctx, g):
        a, b, s = ctx.saved_tensors
        return torch.cat([g * b, g * a * s * (1 - s)], -1)


class Heads(torch.autograd.Function):
    """A reshape where axes are to be put back."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        y = x @ w
        return y.view(4, 2, 3).permute(1, 0, 2).contiguous()

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        d = g.reshape(4, 6)
        return d @ w.t(), x.t() @ d


class Embedded(torch.autograd.Function):
    """= for +=, where a row is read twice."""

    @staticmethod
    def forward(ctx, w, ids):
        ctx.save_for_backward(ids)
        ctx.shape = w.shape
        return F.embedding(ids, w)

    @staticmethod
    def backward(ctx, g):
        (ids,) = ctx.saved_tensors
        dw = torch.zeros(ctx.shape, dtype=g.dtype)
        dw[ids] = g
        return dw, None


class Selected(Embedded):
    @staticmethod
    def forward(ctx, w, ids):
        ctx.save_for_backward(ids)
        ctx.shape = w.shape
        return torch.index_select(w, 0, ids)


class Recurrent(torch.autograd.Function):
    """The gradient goes down through wh, not through its transpose."""

    @staticmethod
    def forward(ctx, x, wx, wh):
        h = torch.zeros(x.shape[1], wh.shape[0], dtype=x.dtype)
        states = [h]
        for t in range(x.shape[0]):
            h = torch.tanh(torch.addmm(x[t] @ wx, h, wh))
            states.append(h)
        ctx.save_for_backward(x, wx, wh, torch.stack(states))
        return torch.stack(states[1:])

    @staticmethod
    def backward(ctx, g):
        x, wx, wh, states = ctx.saved_tensors
        dx, dwx, dwh, d = torch.zeros_like(x), torch.zeros_like(wx), torch.zeros_like(wh), torch.zeros_like(states[0])
        for t in reversed(range(len(x))):
            dz = (d + g[t]) * (1 - states[t + 1] ** 2)
            dx[t] = dz @ wx.t()
            dwx += x[t].t() @ dz
            dwh += states[t].t() @ dz
            d = dz @ wh
        return dx, dwx, dwh


class Attention(torch.autograd.Function):
    """ds q for dsᵀ q."""

    @staticmethod
    def forward(ctx, q, k, v):
        s = torch.matmul(q, k.mT) / math.sqrt(q.shape[-1])
        p = torch.softmax(s, dim=-1)
        ctx.save_for_backward(q, k, v, p)
        return torch.bmm(p, v)

    @staticmethod
    def backward(ctx, g):
        q, k, v, p = ctx.saved_tensors
        dp = g @ v.mT
        ds = p * (dp - (dp * p).sum(-1, keepdim=True)) / math.sqrt(q.shape[-1])
        return ds @ k, ds @ q, p.mT @ g


class CrossEntropy(torch.autograd.Function):
    """The labels are not subtracted."""

    @staticmethod
    def forward(ctx, logits, labels):
        p = torch.softmax(logits, 1)
        ctx.save_for_backward(p, labels)
        return -torch.log(p[torch.arange(len(labels)), labels]).mean()

    @staticmethod
    def backward(ctx, g):
        p, labels = ctx.saved_tensors
        return g * p / len(labels), None


class LogCrossEntropy(CrossEntropy):
    @staticmethod
    def forward(ctx, logits, labels):
        logs = torch.log_softmax(logits, dim=1)
        ctx.save_for_backward(logs.exp(), labels)
        return F.nll_loss(logs, labels)


IDS, LABELS = torch.tensor([1, 4, 1, 2, 1, 0]), torch.tensor([0, 2, 1, 3, 2])
CASES = [
    (Scaled, (normal(6, 3), normal(3)), "GC238", "dw has x in the place of h in what goes back through h * w to w"),
    (
        Divided,
        (normal(6, 3), 1.5 + normal(3) ** 2),
        "GC238",
        "dx has s in the place of r in what goes back through x * r to x",
    ),
    (
        Convolved,
        (normal(2, 2, 5, 5), normal(3, 2, 3, 3), normal(3)),
        "GC238",
        "dx has w rotated by 180° in what goes down through it",
    ),
    (
        Linear,
        (normal(5, 4), normal(3, 4), normal(3)),
        "GC238",
        "dw has x in the place of h in what goes back through F.linear(h, w, b) to w",
    ),
    (
        Gated,
        (normal(5, 8),),
        "GC238",
        "dx has x.chunk(2, dim=-1) in the place of s in what goes back through a * s to a",
    ),
    (
        Heads,
        (normal(4, 5), normal(5, 6)),
        "GC203",
        "dx and dw have what comes back to y.view(4, 2, 3).permute(1, 0, 2) reshaped, where its axes are to be "
        "put back",
    ),
    (
        Embedded,
        (normal(6, 3), IDS),
        "GC237",
        "dw has entries overwritten that F.embedding(ids, w) reads more than once",
    ),
    (
        Selected,
        (normal(6, 3), IDS),
        "GC237",
        "dw has entries overwritten that torch.index_select(w, 0, ids) reads more than once",
    ),
    (
        Recurrent,
        (normal(4, 3, 2), normal(2, 5) / 2, normal(5, 5) / 2),
        "GC238",
        "all 3 gradients have wh transposed in what goes down through it",
    ),
    (
        Attention,
        (normal(2, 5, 4), normal(2, 5, 4) + 1, normal(2, 5, 4) - 1),
        "GC203",
        "dk has what comes back to torch.matmul(q, k.mT) transposed in what goes to k.mT",
    ),
    (CrossEntropy, (normal(5, 4), LABELS), "GC233", "dlogits has the wrong derivative of torch.softmax(logits, 1)"),
    (
        LogCrossEntropy,
        (normal(5, 4), LABELS),
        "GC233",
        "dlogits has the wrong derivative of torch.log_softmax(logits, dim=1)",
    ),
]


@pytest.mark.parametrize(("function", "inputs", "code", "title"), CASES, ids=[case[0].__name__ for case in CASES])
def test_the_cause_is_named_in_a_function(function, inputs, code, title):
    [finding] = [f for f in check_layer(function, *inputs, raises=False).findings if f.severity == "error"]
    assert (finding.code, finding.title) == (code, title)
    assert finding.where.function == function.forward.__qualname__
    assert "with that one change autograd gives your" in finding.evidence[0]


def test_half_of_a_softmax_is_told_with_what_it_lacks():
    [finding] = check_layer(CrossEntropy, normal(5, 4), LABELS, raises=False).findings
    assert "p without the labels subtracted" in finding.cause[0]
    assert "p[range(n), labels] -= 1" in finding.help[0]


def test_a_sum_that_is_not_divided_by_is_named():
    def forward(x):
        e = np.exp(x)
        s = e.sum(1, keepdims=True)
        return np.log(s)[:, 0], e

    def backward(g, e):
        return g[:, None] * e

    report = check_layer(forward, backward, normal(5, 4).numpy(), raises=False)
    [finding] = [f for f in report.findings if f.severity == "error"]
    assert (finding.code, finding.title) == ("GC232", "dx lacks the derivative of np.log(s)")


def test_a_result_of_the_forward_that_is_missing_in_the_gradient_is_named():
    def forward(x):
        m = x.max(1, keepdims=True)
        e = np.exp(x - m)
        s = e.sum(1, keepdims=True)
        return (m + np.log(s))[:, 0], e

    def backward(g, e):
        return g[:, None] * e

    report = check_layer(forward, backward, normal(5, 4).numpy(), raises=False)
    [finding] = [f for f in report.findings if f.severity == "error"]
    assert (finding.code, finding.title) == ("GC213", "dx is the true gradient times e.sum(1, keepdims=True)")
    assert finding.help == ("divide by e.sum(1, keepdims=True)",)


def test_attention_in_numpy_is_told_of_a_transpose_forgotten():
    def forward(q, k):
        return q @ k.T

    def backward(g, q, k):
        return g @ k, g @ q

    rng = np.random.default_rng(0)
    report = check_layer(forward, backward, rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), raises=False)
    [finding] = [f for f in report.findings if f.severity == "error"]
    assert finding.code == "GC203"
    assert finding.title == "dk has what comes back to q @ k.T transposed in what goes to k.T"
