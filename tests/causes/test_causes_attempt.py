"""The search for a cause takes no verdict away: what cannot be worked out does not fit."""

import numpy as np
import pytest
import torch

from gradcheck import check_layer
from gradcheck.causes import attempt, tiers
from gradcheck.causes.lines import other_function


class Silu(torch.autograd.Function):
    """It computes in float32, whatever it is given; the factor is wrong at negative inputs alone."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        narrow = x.float()
        return (narrow * torch.sigmoid(narrow)).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        narrow = x.float()
        s = torch.sigmoid(narrow)
        factor = torch.where(narrow < 0, 1.1, 1.0)
        return (factor * g.float() * (s * (1 + narrow * (1 - s)))).to(x.dtype)


class Layer(torch.autograd.Function):
    """tanh in float32, its derivative taken at what comes out of it."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        h = x.float() @ w.float()
        return torch.tanh(h).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        h = x.float() @ w.float()
        d = g.float() * (1 - torch.tanh(torch.tanh(h)) ** 2)
        return (d @ w.float().T).to(x.dtype), (x.float().T @ d).to(x.dtype)


def normal(*shape, dtype):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape))).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_function_that_goes_over_to_float32_gets_its_verdict_and_cause(dtype):
    report = check_layer(Layer, normal(4, 3, dtype=dtype), normal(3, 5, dtype=dtype))
    assert [g.verdict for g in report.gradients] == ["wrong", "wrong"]
    (found,) = [f for f in report.findings if f.severity == "error"]
    assert found.code == "GC233"
    assert "wrong derivative of torch.tanh(h)" in found.title


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_difference_that_no_family_knows_gets_its_verdict(dtype):
    report = check_layer(Silu, normal(4, 6, dtype=dtype))
    assert [g.verdict for g in report.gradients] == ["wrong"]


def planted(*_):
    raise RuntimeError("a hypothesis of ours")
    yield


@pytest.mark.parametrize("place", ["line", "array", "tier"])
def test_what_raises_in_the_search_leaves_a_wrong_gradient_wrong(place, monkeypatch):
    if place == "line":
        monkeypatch.setattr(other_function, "replaced", planted)
    elif place == "array":
        monkeypatch.setattr(tiers, "ARRAYS", (planted,))
    else:
        monkeypatch.setattr(tiers, "_points", planted)
    x = np.random.default_rng(0).normal(size=(4, 3))
    report = check_layer(lambda x: (np.tanh(x), x), lambda g, x: g * np.cos(np.sinh(x)), x)
    assert [g.verdict for g in report.gradients] == ["wrong"]
    assert "GC299" in [f.code for f in report.findings]
    assert attempt.failures
    assert all("a hypothesis of ours" in told for told in attempt.failures)
    attempt.failures.clear()
