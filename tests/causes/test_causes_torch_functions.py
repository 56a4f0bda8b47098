"""The cause of a wrong Function is named with the line of its forward, as that of a NumPy layer is."""

import sys
from pathlib import Path

import pytest
import torch

from gradcheck import check_layer, check_module

sys.path.append(str(Path(__file__).resolve().parents[1] / "applied"))

import model_zoo as zoo


def normal(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape)))


class OfOutput(torch.autograd.Function):
    """The derivative of tanh is taken at what comes out of it."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        y = x @ w
        return torch.tanh(y)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        d = g * (1 - torch.tanh(torch.tanh(x @ w)) ** 2)
        return d @ w.T, x.T @ d


CAUSES = {
    "softmax": (
        lambda: check_layer(zoo.DiagonalSoftmax, normal(3, 5)),
        "GC233",
        "dscores has the wrong derivative of torch.softmax(scores, -1)",
        ("yours is p (1 - p)",),
        "p = torch.softmax(scores, -1)",
    ),
    "mean": (
        lambda: check_layer(zoo.LayerNormWithoutMean, normal(2, 3, 6), 1 + normal(6), normal(6), 1e-5),
        "GC230",
        "dx lacks what goes back through x.mean(-1, keepdim=True)",
        None,
        "mean = x.mean(-1, keepdim=True)",
    ),
    "output": (
        lambda: check_layer(OfOutput, normal(4, 3), normal(3, 5)),
        "GC233",
        "dx and dw have the wrong derivative of torch.tanh(y)",
        ("yours is 1 - tanh(y)²; the derivative is 1 - y² (y is what comes out)",),
        "return torch.tanh(y)",
    ),
}


@pytest.mark.parametrize("name", CAUSES)
def test_the_line_of_the_forward_is_named(name):
    call, code, title, cause, source = CAUSES[name]
    report = call()
    [finding] = [f for f in report.findings if f.severity == "error"]
    assert (finding.code, finding.title) == (code, title)
    assert cause is None or finding.cause == cause
    assert finding.where.source == source
    assert "with that one change autograd gives your" in finding.evidence[0]


def test_in_a_model_as_well():
    torch.manual_seed(0)
    model = zoo.Transformer(1, bad=0, norm=zoo.LayerNormWithoutMean)
    [finding] = check_module(model, torch.randint(0, 11, (2, 6))).findings
    assert finding.layer == "blocks.0.norm1: LayerNormWithoutMean"
    assert finding.title == "dx lacks what goes back through x.mean(-1, keepdim=True)"


def test_what_nothing_explains_is_not_explained():
    report = check_layer(zoo.GeluOfExact, normal(3, 5))
    assert [f.code for f in report.findings] == ["GC299"]
