"""Where a reference is the truth, the line of the user's own forward is named all the same."""

import numpy as np
import pytest
import torch

from gradcheck import check_layer


class Rounded(torch.autograd.Function):
    """A straight-through estimator whose dw takes x for the rounded x."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return torch.round(x) * w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g * w, (g * x).sum(0)


def through(x, w):
    return (x + (torch.round(x) - x).detach()) * w


def test_of_a_straight_through_estimator():
    seed = torch.Generator().manual_seed(0)
    x, w = (torch.randn(*shape, generator=seed, dtype=torch.float64) for shape in ((6, 3), (3,)))
    report = check_layer(Rounded, x, w, reference=through, raises=False)
    [finding] = [f for f in report.findings if f.severity == "error"]
    assert finding.title == (
        "dw has x in the place of torch.round(x) in what goes back through torch.round(x) * w to w"
    )
    assert finding.evidence[0].startswith("with that one change the reference gives your dw to ")
    assert [g.verdict for g in report.gradients] == ["right", "wrong"]


def forward(x, w):
    h = np.maximum(0, x)
    return h @ w, (x, w)


def backward(g, cache):
    x, w = cache
    return (g @ w.T) * (x > 0), x.T @ g


def on_torch(x, w):
    return torch.relu(x) @ w


@pytest.mark.parametrize("reference", [None, on_torch])
def test_the_same_cause_with_a_reference_as_without(reference):
    rng = np.random.default_rng(0)
    report = check_layer(
        forward, backward, rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), reference=reference, raises=False
    )
    [finding] = [f for f in report.findings if f.severity == "error"]
    assert finding.title == "dw has x in the place of h in what goes back through h @ w to w"
    assert finding.where.source == "return h @ w, (x, w)"


def test_a_reference_of_another_function_leaves_the_forward_out():
    def reference(x, w):
        return torch.relu(x) @ w + 0 * x.sum() + (x.detach() * 0).sum()

    def other(x, w):
        return torch.nn.functional.leaky_relu(x, 0.5) @ w

    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(5, 4)), rng.normal(size=(4, 3))
    assert [f.code for f in check_layer(forward, backward, x, w, reference=reference, raises=False).findings] == [
        "GC238"
    ]
    codes = [f.code for f in check_layer(forward, backward, x, w, reference=other, raises=False).findings]
    assert "GC238" not in codes
