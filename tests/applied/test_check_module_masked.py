"""A mask of -inf before a softmax is on purpose: its Function is judged at the finite entries."""

import pytest
import torch

from gradcheck import check_module

HIDDEN = torch.tensor([False, False, True, False, False, False])


class Mask(torch.autograd.Function):
    factor = 1.0

    @staticmethod
    def forward(ctx, x, hidden):
        ctx.save_for_backward(hidden)
        return x.masked_fill(hidden, float("-inf"))

    @staticmethod
    def backward(ctx, g):
        return Mask.factor * g.masked_fill(ctx.saved_tensors[0], 0), None


class Model(torch.nn.Module):
    def __init__(self, end):
        super().__init__()
        self.linear = torch.nn.Linear(6, 6)
        self.end = end

    def forward(self, x):
        return self.end(Mask.apply(self.linear(x), HIDDEN))


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "right"), (1.2, "wrong")])
def test_a_mask_before_a_softmax_is_judged(factor, verdict, monkeypatch):
    monkeypatch.setattr(Mask, "factor", factor)
    report = check_module(Model(lambda y: torch.softmax(y, -1)), torch.randn(4, 6))
    assert [g.verdict for g in report.gradients if g.of == "x"] == [verdict]
    assert "Model: Mask: 4 infinite entries of its output, which get no gradient, are left out" in report.notes


def test_infinite_outputs_that_get_a_gradient_stay_undecided():
    report = check_module(Model(lambda y: y), torch.randn(4, 6))
    assert [g.verdict for g in report.gradients] == ["undecided"]
