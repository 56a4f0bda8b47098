"""bfloat16 inputs of a Function: its formula is judged in float64, and what it gives for them as they are."""

import pytest
import torch

from gradcheck import check_layer


def linear(spoilt=None):
    class Linear(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            dw = x.T @ g
            if spoilt and g.dtype == torch.bfloat16:
                dw = spoilt(dw)
            return g @ w.T, dw

    return Linear


def inputs():
    torch.manual_seed(0)
    return torch.randn(8, 12).to(torch.bfloat16), torch.randn(12, 7).to(torch.bfloat16)


def test_a_right_function_passes_and_says_how_it_was_judged():
    report = check_layer(linear(), *inputs())
    assert report.ok
    assert [g.dtype for g in report.gradients] == ["bfloat16", "bfloat16"]
    assert all(1e-4 < g.relative_error < 1e-2 for g in report.gradients)
    assert any("bfloat16 is held to bfloat16's rounding: there errors below" in note for note in report.notes)


def raises(dw):
    raise RuntimeError("expected scalar type Float but found BFloat16")


SPOILT = {
    "negated": (lambda dw: -dw, "gives a wrong dw in bfloat16"),
    "NaN": (lambda dw: dw / 0, "gives a wrong dw in bfloat16"),
    "zero": (lambda dw: 0 * dw, "gives a wrong dw in bfloat16"),
    "raises": (raises, "fails with bfloat16 inputs"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_wrong_in_bfloat16_alone_is_found(name):
    spoilt, says = SPOILT[name]
    report = check_layer(linear(spoilt), *inputs())
    assert not report.ok
    [finding] = [f for f in report.findings if f.code == "GC163"]
    assert says in finding.title
    assert finding.where.function.endswith("Linear.backward")


def test_other_dtypes_are_not_asked():
    report = check_layer(linear(), *(t.float() for t in inputs()))
    assert report.ok
    assert not any("bfloat16" in note for note in report.notes)


@pytest.mark.parametrize("seed", range(3))
def test_a_convention_at_corners_is_that_of_float32(seed):
    class Relu(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clamp(min=0)  # autograd lets everything pass at 0

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * (x > 0)

    x = torch.randn(6, 7, generator=torch.Generator().manual_seed(seed))
    x[:2] = 0
    assert check_layer(Relu, x.to(torch.bfloat16)).ok
