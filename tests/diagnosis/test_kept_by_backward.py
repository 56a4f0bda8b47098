"""What a backward makes at its first call and keeps: right once, and stale when the weights have moved."""

import numpy as np
import pytest
import torch

from gradcheck import check_layer


class Transposed:
    def __init__(self):
        self.W, self.turned = np.random.default_rng(0).normal(size=(4, 3)), None

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, d):
        if self.turned is None:
            self.turned = self.W.T.copy()
        self.dW = self.x.T @ d
        return d @ self.turned


class Kept(torch.autograd.Function):
    turned = None

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        if Kept.turned is None:
            Kept.turned = w.t().clone()
        return g @ Kept.turned, x.t() @ g


class Anew(Transposed):
    def backward(self, d):
        self.turned = None
        return super().backward(d)


def test_a_transpose_that_is_kept_is_stale_after_a_step():
    report = check_layer(Transposed(), np.random.default_rng(1).normal(size=(5, 4)), raises=False)
    [finding] = [f for f in report.findings if f.severity == "error"]
    assert finding.code == "GC111"
    assert finding.title == "the second call gives another answer for dx than a first call at the same inputs"


def test_in_a_function_as_well():
    x, w = torch.randn(5, 4, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    assert not check_layer(Kept, x, w, raises=False).ok
    assert Kept.turned is None


@pytest.mark.parametrize("make", [Anew])
def test_what_is_made_anew_is_right(make):
    report = check_layer(make(), np.random.default_rng(1).normal(size=(5, 4)))
    assert report.ok
    assert not report.findings
