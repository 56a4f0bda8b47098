"""A forward that does not change close by: its derivative is zero, though a step further on there is a jump."""

import pytest
import torch

from gradcheck import check_layer
from gradcheck.witnesses.derivative import derivative


def differences(f, rounding=1e-16):
    return lambda h: (f(h) - f(-h), rounding)


def jump(t):
    return float(t > 4e-4) * 3.0 - 2.0 * float(t < -2e-3)


def test_a_jump_close_by_is_no_slope():
    found = derivative(differences(jump), 0.0, expected=0.0)
    assert found.value == 0
    assert found.error == 0


def test_a_function_that_never_changes_is_flat_whatever_the_rounding_of_its_values():
    assert derivative(differences(lambda t: 0.0, rounding=1e-3), 0.0, expected=0.0).error == 0


def test_a_slope_that_sinks_below_the_resolution_is_not_taken_for_a_jump():
    found = derivative(differences(lambda t: round(t * 1e3) / 1e3, rounding=1e-3), 1e-12, expected=0.0)
    assert not (found.value == 0 and found.error < 1)


def test_a_smooth_slope_is_found_where_zero_was_expected():
    found = derivative(differences(lambda t: 2 * t), 1e-9, expected=0.0)
    assert found.value == pytest.approx(2)


class Relu(torch.autograd.Function):
    curved = False

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (x > 0) + (x - x.detach() if Relu.curved else 0)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_double_backward_of_a_relu_is_right(seed, dtype):
    x = torch.randn(40, 30, generator=torch.Generator().manual_seed(seed)).to(dtype)
    report = check_layer(Relu, x, gradgrad=True, seed=seed)
    assert report.ok
    assert [g.verdict for g in report.gradients] == ["right"] * 3


def test_one_that_is_wrong_is_found_wrong(monkeypatch):
    monkeypatch.setattr(Relu, "curved", True)
    x = torch.randn(40, 30, generator=torch.Generator().manual_seed(0))
    report = check_layer(Relu, x, gradgrad=True)
    assert {g.name: g.verdict for g in report.gradients if g.layer}["dx"] == "wrong"
