"""Losses in 16-bit floats: judged by what they are, and left as they were."""

import copy

import pytest
import torch
from torch.nn.functional import cross_entropy

from gradcheck import check_learning_rate

HALF = [torch.bfloat16, torch.float16]


def task(dtype):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(12, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4)).to(dtype)
    return model, torch.randn(20, 12), torch.randint(4, (20,))


@pytest.mark.parametrize("dtype", HALF)
def test_curvature_is_that_of_the_same_weights_in_float64(dtype):
    model, x, y = task(dtype)
    exact = copy.deepcopy(model).double()
    wanted = check_learning_rate(lambda: cross_entropy(exact(x.double()), y), exact, lr=0.1).step_size
    batch = x.to(dtype)
    for loss in (
        lambda: cross_entropy(model(x.to(dtype)), y),
        lambda: cross_entropy(model(x.bfloat16() if dtype == torch.bfloat16 else x.half()), y),
        lambda: cross_entropy(model(batch), y),
    ):
        report = check_learning_rate(loss, model, lr=0.1)
        assert report.ok
        assert report.step_size.lambda_max == pytest.approx(wanted.lambda_max, rel=0.02)
        assert (report.step_size.verdict, report.step_size.quadratic) == ("below the edge", False)
        assert any("copies in float32" in note for note in report.notes)


@pytest.mark.parametrize("dtype", HALF)
def test_a_quadratic_is_seen_to_be_one(dtype):
    x, w = torch.tensor([1.0, 2.0, 3.0], dtype=dtype), torch.tensor([3.0, 2.0, 1.0], dtype=dtype, requires_grad=True)
    size = check_learning_rate(lambda: (x @ w) ** 2 / 2, w, lr=0.25).step_size
    assert size.lambda_max == pytest.approx(14)
    assert (size.verdict, size.quadratic) == ("diverges", True)
    assert (x.dtype, w.dtype) == (dtype, dtype)


@pytest.mark.parametrize("dtype", HALF)
def test_everything_is_as_it_was(dtype):
    model, x, y = task(dtype)
    batch = x.to(dtype)
    cross_entropy(model(batch), y).backward()
    before = [(p.data_ptr(), p.detach().clone(), p.grad, p.grad.clone(), p.dtype) for p in model.parameters()]
    state = torch.get_rng_state()
    check_learning_rate(lambda: cross_entropy(model(batch), y), model, lr=0.1)
    for parameter, (place, values, grad, entries, kind) in zip(model.parameters(), before, strict=True):
        assert (parameter.data_ptr(), parameter.dtype) == (place, kind)
        assert torch.equal(parameter, values)
        assert parameter.grad is grad
        assert torch.equal(grad, entries)
    assert batch.dtype == dtype
    assert torch.equal(state, torch.get_rng_state())


def test_a_loss_that_is_bound_to_its_precision_is_judged_in_it():
    model, x, y = task(torch.bfloat16)

    class Narrow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            if z.dtype != torch.bfloat16:
                raise TypeError("bfloat16 alone")
            return z * 1

        @staticmethod
        def backward(ctx, g):
            return g

    report = check_learning_rate(lambda: cross_entropy(Narrow.apply(model(x.bfloat16())), y), model, lr=0.1)
    assert report.ok
    assert report.dtype == "bfloat16"
    assert not report.step_size.quadratic
    assert any("whether the loss is a quadratic cannot be seen" in note for note in report.notes)
    assert next(model.parameters()).dtype == torch.bfloat16
