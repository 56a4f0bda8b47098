"""A Function that computes in float32 whatever it is given: its rounding is no fault of the contract."""

import pytest
import torch

from gradcheck import check_layer


class Rms(torch.autograd.Function):
    """RMS norm in float32; ``stale`` plants a backward that reads the upstream gradient's memory as contiguous."""

    stale = False

    @staticmethod
    def forward(ctx, x, w):
        narrow = x.float()
        r = narrow.pow(2).mean(-1, keepdim=True).add(1e-6).rsqrt()
        ctx.save_for_backward(x, w, r)
        return (narrow * r * w.float()).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        x, w, r = ctx.saved_tensors
        if Rms.stale and not g.is_contiguous():
            g = g * 1.01
        y, g = x.float() * r, g.float()
        scaled = g * w.float()
        dx = r * (scaled - y * (scaled * y).mean(-1, keepdim=True))
        return dx.to(x.dtype), (g * y).sum(0).to(w.dtype)


class Mapped(torch.autograd.Function):
    """The same under vmap, with a rule that PyTorch makes."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return torch.softmax(x.float(), -1).to(x.dtype)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, g):
        y = ctx.saved_tensors[0].float()
        return (y * (g.float() - (y * g.float()).sum(-1, keepdim=True))).to(g.dtype)


def normal(*shape, seed):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(3))
def test_rounding_to_float32_inside_is_not_told_as_a_matter_of_strides(seed):
    report = check_layer(Rms, normal(4, 6, seed=seed), normal(6, seed=seed + 9))
    assert [f.code for f in report.findings] == ["GC147"]


def test_a_fault_above_that_rounding_is_still_told(monkeypatch):
    monkeypatch.setattr(Rms, "stale", True)
    report = check_layer(Rms, normal(4, 6, seed=1), normal(6, seed=10))
    assert "GC150" in [f.code for f in report.findings]


@pytest.mark.parametrize("seed", range(3))
def test_rounding_to_float32_inside_is_not_told_as_a_matter_of_vmap(seed):
    report = check_layer(Mapped, normal(4, 6, seed=seed))
    assert not {"GC159", "GC160"} & {f.code for f in report.findings}
