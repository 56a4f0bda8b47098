"""A Function of several outputs whose backward is wrong only where the loss sees one of them."""

import pytest
import torch
from torch import nn

from gradcheck import check_layer, check_module


class Halves(torch.autograd.Function):
    """Right for both upstream gradients together, and for the first alone."""

    @staticmethod
    def forward(ctx, x):
        n = x.shape[-1] // 2
        return x[..., :n].clone(), x[..., n:].clone()

    @staticmethod
    def backward(ctx, first, second):
        return torch.cat([first, second if first.any() else -second], -1)


class Cell(torch.autograd.Function):
    """A gated cell. ``forgets``: no gradient comes back through the state where none comes to the output."""

    forgets = True

    @staticmethod
    def forward(ctx, z, c):
        gate = z.sigmoid()
        new = c * gate
        ctx.save_for_backward(gate, c, new)
        return new.tanh(), new

    @classmethod
    def backward(cls, ctx, dh, dc):
        gate, c, new = ctx.saved_tensors
        through = dh * (1 - new.tanh() ** 2)
        dnew = through + (dc * (through != 0) if cls.forgets else dc)
        return dnew * c * gate * (1 - gate), dnew * gate


class RightCell(Cell):
    forgets = False


class Loop(nn.Module):
    """Three steps of a cell, of which the state alone is used at the end."""

    def __init__(self, cell):
        super().__init__()
        self.linear, self.cell = nn.Linear(6, 6), cell

    def forward(self, x):
        h, c = x.tanh(), torch.ones_like(x)
        for _ in range(3):
            h, c = self.cell.apply(self.linear(h), c)
        return c


def test_what_is_wrong_for_one_output_alone_is_told():
    report = check_layer(Halves, torch.randn(5, 6, generator=torch.Generator().manual_seed(0)))
    [finding] = [f for f in report.findings if f.code == "GC112"]
    assert finding.severity == "error"
    assert finding.title == "dx is not linear in the upstream gradient"
    assert "each output alone" in finding.evidence[0]
    assert not report.ok


def test_in_a_model_as_well_whose_own_upstream_gradients_hide_mistakes():
    report = check_module(Loop(Cell), torch.randn(5, 6, generator=torch.Generator().manual_seed(0)))
    found = [f for f in report.findings if f.code == "GC112"]
    assert found
    assert found[0].title.startswith("dz, dc is not linear") or found[0].title.startswith("dz is not linear")
    assert not report.ok


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_right_one_is_silent(dtype):
    torch.manual_seed(0)
    report = check_layer(RightCell, torch.randn(5, 6, dtype=dtype), torch.randn(5, 6, dtype=dtype))
    assert report.ok, str(report)
    assert report.findings == ()
    assert check_module(Loop(RightCell), torch.randn(5, 6)).ok
