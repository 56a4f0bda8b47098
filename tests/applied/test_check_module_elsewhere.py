"""Calls that a hook of a module or a plain recording would miss: in a checkpoint's own lambda, inside a transform."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from gradcheck import check_module
from gradcheck.applied import recorder


class WrongExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        return 3 * g * ctx.saved_tensors[0]


class Square(torch.autograd.Function):
    """Its factor is on the class, so that one test makes it wrong."""

    generate_vmap_rule = True
    factor = 2

    @staticmethod
    def forward(x):
        return x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        return Square.factor * ctx.saved_tensors[0] * g


class Model(torch.nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.linear = torch.nn.Linear(3, 3)
        self.run = forward

    def forward(self, x):
        return self.run(self.linear(x))


def checkpointed(x):
    return checkpoint(lambda z: WrongExp.apply(z), x, use_reentrant=True)


FORWARDS = {
    "alone": checkpointed,
    "beside a right one": lambda x: checkpointed(x) + Square.apply(x),
    "twice": lambda x: checkpointed(checkpointed(x)),
}


@pytest.mark.parametrize("forward", FORWARDS)
def test_a_lambda_in_a_reentrant_checkpoint_is_followed(forward):
    report = check_module(Model(FORWARDS[forward]), torch.randn(4, 3))
    assert not report.ok
    assert any(g.layer.startswith("Model: WrongExp") and g.verdict == "wrong" for g in report.gradients)
    assert not any("no gradient goes through" in note for note in report.notes)


TRANSFORMED = {
    "one axis": lambda x: torch.vmap(Square.apply)(x),
    "beside a right one": lambda x: torch.vmap(Square.apply)(x) + checkpoint(torch.exp, x, use_reentrant=False),
    "another axis": lambda x: torch.vmap(Square.apply, in_dims=1)(x),
    "two levels": lambda x: torch.vmap(torch.vmap(Square.apply, in_dims=1))(x.reshape(-1, 1, 3)),
    "per sample gradients": lambda x: torch.vmap(torch.func.grad(lambda z: Square.apply(z).sum()))(x),
}


@pytest.mark.parametrize("forward", TRANSFORMED)
@pytest.mark.parametrize("factor", [2, 5])
def test_a_function_inside_a_transform_is_examined_outside_of_it(forward, factor, monkeypatch):
    monkeypatch.setattr(Square, "factor", factor)
    report = check_module(Model(TRANSFORMED[forward]), torch.randn(4, 3))
    assert [(g.layer, g.verdict) for g in report.gradients] == [("Model: Square", "right" if factor == 2 else "wrong")]
    assert report.ok == (factor == 2)
    assert "inside torch.vmap or torch.func; one sample is checked outside of it, alone: Model: Square" in report.notes


def test_the_sample_has_the_shape_that_the_function_sees():
    report = check_module(Model(TRANSFORMED["two levels"]), torch.randn(4, 3))
    assert [g.shape for g in report.gradients] == [(1,)]


def test_a_call_of_which_no_sample_can_be_had_is_undecided(monkeypatch):
    def refuse(args):
        raise RuntimeError("no such wrapper")

    monkeypatch.setattr(recorder, "one_sample", refuse)
    report = check_module(Model(TRANSFORMED["one axis"]), torch.randn(4, 3))
    (row,) = report.gradients
    assert not report.ok
    assert row.verdict == "undecided"
    assert "no sample of it can be taken out" in row.reason
